package update

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// dnf drives dnf 4 and, with other words, dnf 5 (changes_from_dnf4(7)).
type dnf struct {
	rpm
	program string
	five    bool
	options []string // of every call
	offers  []Offer  // of all packages
}

// findDnf returns the driver of dnf.
func findDnf(t Target) Manager {
	switch {
	case !t.hasRpm():
		return nil
	case t.has("usr/bin/dnf5"):
		return &dnf{rpm: rpm{Target: t}, program: "dnf5", five: true}
	case t.has("usr/bin/dnf", "usr/bin/dnf-3"):
		return &dnf{rpm: rpm{Target: t}, program: "dnf"}
	}
	return nil
}

// Name implements Manager.
func (d *dnf) Name() string { return d.program }

// dnfOptions are those of every call (dnf(8), dnf.conf(5)). Nothing unsigned is taken, and no repository left out, whatever the image's
// settings say. A newer package brings nothing that it only recommends.
var dnfOptions = []string{"-y", "--setopt=gpgcheck=1", "--setopt=*.gpgcheck=1", "--setopt=*.skip_if_unavailable=0",
	"--setopt=install_weak_deps=0", "--setopt=keepcache=1", "--setopt=*.retries=2", "--setopt=*.timeout=30"}

// run runs dnf.
func (d *dnf) run(ctx context.Context, args ...string) (string, error) {
	return d.Tool(ctx, nil, slices.Concat([]string{d.program}, dnfOptions, d.options, args)...)
}

// Installed implements Manager.
func (d *dnf) Installed(ctx context.Context) ([]Installed, error) { return d.installed(ctx, d.locks()) }

// Files of the versionlock plugin: of dnf 4 a version of a package a line, "!" before one to leave out (dnf-versionlock(8)); of dnf 5 a
// table for each package, which begins with its name (dnf5-versionlock(8)).
var (
	lockFiles  = []string{"etc/dnf/plugins/versionlock.list", "etc/dnf/versionlock.toml"}
	lockLine   = regexp.MustCompile(`^(.+?)-(?:\d+:)?[^-:\s]+-[^-:\s]+$`)
	lockTable  = regexp.MustCompile(`^name\s*=\s*"([^"]+)"$`)
	excludeKey = regexp.MustCompile(`^(?:exclude|excludepkgs)\s*=\s*(.*)$`)
)

// locks are the names of the packages whose version must not change, as patterns.
func (d *dnf) locks() []string {
	var locks []string
	for _, file := range lockFiles {
		for _, line := range d.settingLines(file) {
			for _, form := range []*regexp.Regexp{lockLine, lockTable} {
				if m := form.FindStringSubmatch(line); m != nil && line[0] != '!' {
					locks = append(locks, m[1])
				}
			}
		}
	}
	for _, file := range []string{"etc/dnf/dnf.conf", "etc/yum.conf"} {
		for _, line := range d.settingLines(file) {
			if m := excludeKey.FindStringSubmatch(line); m != nil {
				locks = append(locks, strings.FieldsFunc(m[1], func(r rune) bool { return r == ' ' || r == ',' })...)
			}
		}
	}
	return locks
}

// Refresh implements Manager.
func (d *dnf) Refresh(ctx context.Context) ([]Repository, error) {
	if _, err := d.run(ctx, "-q", "makecache", "--refresh"); err != nil {
		return nil, err
	}
	out, err := d.run(ctx, "-q", "repolist")
	if err != nil {
		return nil, err
	}
	var list []Repository
	for _, id := range parseTable(out) {
		list = append(list, Repository{id, d.advisories("var/cache/dnf/"+id+"-*", "var/cache/libdnf5/"+id+"-*")})
	}
	return list, nil
}

// parseTable reads the first column of a table with a head, as "repolist" prints it.
func parseTable(out string) []string {
	var column []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(strings.Join(fields, " "), "repo id ") {
			column = append(column, fields[0])
		}
	}
	return column
}

// Offers implements Manager. A version counts as a security update if it is not older than one of which an advisory says so.
func (d *dnf) Offers(ctx context.Context, of []Installed) ([]Offer, error) {
	all, err := d.upgrades(ctx)
	if err != nil {
		return nil, err
	}
	latest, err := d.upgrades(ctx, "--latest-limit=1")
	if err != nil {
		return nil, err
	}
	security, err := d.upgrades(ctx, "--security")
	if err != nil {
		return nil, err
	}
	d.offers = all
	var offers []Offer
	for _, offer := range all {
		if !slices.ContainsFunc(of, func(pkg Installed) bool { return pkg.same(offer.Package) }) {
			continue
		}
		is := func(o Offer) bool { return o.Package == offer.Package }
		offer.Preferred, offer.From.Security = slices.ContainsFunc(latest, is), slices.ContainsFunc(security, is)
		offers = append(offers, offer)
	}
	return offers, nil
}

// upgrades lists newer versions of installed packages.
func (d *dnf) upgrades(ctx context.Context, args ...string) ([]Offer, error) {
	// dnf 5 adds no line break to the format, dnf 4 adds one more.
	const format = `%{name}\t%{arch}\t%{evr}\t%{repoid}\n`
	out, err := d.run(ctx, append([]string{"-q", "repoquery", "--upgrades", "--qf", format}, args...)...)
	if err != nil {
		return nil, err
	}
	var offers []Offer
	for line := range strings.Lines(out) {
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("%s printed %s", d.program, printable.Short(line, maxLine))
		}
		offers = append(offers, Offer{Package: Package{f[0], f[1], rpmVersion(f[2])}, From: Repository{Name: f[3]}})
	}
	return offers, nil
}

// Simulate implements Manager.
func (d *dnf) Simulate(ctx context.Context, to []Package) ([]Change, error) {
	if d.five {
		return d.simulateStored(ctx, to)
	}
	out, err := d.run(ctx, append([]string{"-v", "upgrade", "--assumeno", "--best"}, nevras(to)...)...)
	var failed *ToolError
	if errors.As(err, &failed) && strings.Contains(failed.Stderr, "Operation aborted.") {
		out, err = failed.Stdout, nil // --assumeno answered the question
	}
	if err != nil {
		return nil, err
	}
	changes, err := parseDnf(out)
	return withRepositories(changes, d.offers), err
}

// dnfChange is how dnf 4 describes a change at its verbose level (dnf, cli/output.py: DepSolveProgressCallBack).
var dnfChange = regexp.MustCompile(`^---> Package (\S+)\.(\S+) (\S+) will be (.+)$`)

// dnfVerbs says what becomes of a version: it comes, goes, or comes instead of a newer one. What is replaced is named with another verb.
var dnfVerbs = map[string]struct{ comes, lower bool }{
	"installed": {comes: true}, "an upgrade": {comes: true}, "upgraded": {}, "erased": {}, "reinstalled": {comes: true},
	"a downgrade": {comes: true, lower: true}, "downgraded": {}, "obsoleting": {comes: true}, "obsoleted": {},
}

// parseDnf reads what dnf 4 would change.
func parseDnf(out string) ([]Change, error) {
	var t transaction
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "---> ") {
			continue
		}
		m := dnfChange.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			return nil, fmt.Errorf("dnf printed %s", printable.Short(line, maxLine))
		}
		verb, ok := dnfVerbs[m[4]]
		if !ok {
			return nil, fmt.Errorf("dnf printed %s", printable.Short(line, maxLine))
		}
		t.add(Package{m[1], m[2], rpmVersion(m[3])}, verb.comes, verb.lower)
	}
	return t, nil
}

// transaction is a list of changes of which the old and the new version are known one after the other.
type transaction []Change

// add notes a version that comes or goes.
func (t *transaction) add(pkg Package, comes, lower bool) {
	i := slices.IndexFunc(*t, func(c Change) bool { return c.Name == pkg.Name && c.Arch == pkg.Arch })
	if i < 0 {
		*t = append(*t, Change{Name: pkg.Name, Arch: pkg.Arch})
		i = len(*t) - 1
	}
	c := &(*t)[i]
	if comes {
		c.After, c.Lower = pkg.Version, lower
	} else {
		c.Before = pkg.Version
	}
}

// Download implements Manager.
func (d *dnf) Download(ctx context.Context, changes []Change, dir string) ([]string, error) {
	from := path.Join(dir, ".new")
	if err := os.Mkdir(from, 0o755); err != nil {
		return nil, err
	}
	args := []string{"-q", "upgrade", "--best"}
	if d.five {
		args = append(args, "--store="+path.Join(from, "store"))
	} else {
		args = append(args, "--downloadonly", "--downloaddir="+from)
	}
	if _, err := d.run(ctx, append(args, nevras(packagesOf(changes))...)...); err != nil {
		return nil, err
	}
	names, err := d.collect(ctx, changes, from, dir)
	return names, errors.Join(err, os.RemoveAll(from))
}
