package update

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// zypper drives zypper, which prints XML when asked to (zypper(8), --xmlout).
type zypper struct {
	rpm
	offers  []Offer  // of all packages
	options []string // of every call
	caches  string   // root filesystem with zypper's cache, "" for the one that it works on
}

// findZypper returns the driver of zypper.
func findZypper(t Target) Manager {
	if !t.hasRpm() || !t.has("usr/bin/zypper") {
		return nil
	}
	return &zypper{rpm: rpm{Target: t}}
}

// Name implements Manager.
func (z *zypper) Name() string { return "zypper" }

// zyppOutput is what is read of zypper's XML (zypper, src/output/OutXML.cc and src/update.cc).
type zyppOutput struct {
	Messages []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"message"`
	Repositories []struct {
		Alias   string `xml:"alias,attr"`
		Name    string `xml:"name,attr"`
		Enabled string `xml:"enabled,attr"`
	} `xml:"repo-list>repo"`
	Updates []zyppUpdate `xml:"update-status>update-list>update"`
	Summary struct {
		Upgrade   []zyppSolvable `xml:"to-upgrade>solvable"`
		Install   []zyppSolvable `xml:"to-install>solvable"`
		Reinstall []zyppSolvable `xml:"to-reinstall>solvable"`
		Downgrade []zyppSolvable `xml:"to-downgrade>solvable"`
		Remove    []zyppSolvable `xml:"to-remove>solvable"`
		Arch      []zyppSolvable `xml:"to-change-arch>solvable"`
		Vendor    []zyppSolvable `xml:"to-change-vendor>solvable"` // those of the others whose vendor changes, once more
	} `xml:"install-summary"`
}

// zyppUpdate is a newer version of a package, or a patch: an advisory that is needed.
type zyppUpdate struct {
	Kind     string `xml:"kind,attr"`
	Name     string `xml:"name,attr"`
	Edition  string `xml:"edition,attr"`
	Arch     string `xml:"arch,attr"`
	Category string `xml:"category,attr"`
	Source   struct {
		Alias string `xml:"alias,attr"`
	} `xml:"source"`
}

// zyppSolvable is a package, or an advisory, of a transaction.
type zyppSolvable struct {
	Type string `xml:"type,attr"`
	Name string `xml:"name,attr"`
	New  string `xml:"edition,attr"`
	Old  string `xml:"edition-old,attr"`
	Arch string `xml:"arch,attr"`
}

// run runs zypper and reads its output. A failure is told with the errors that are in it.
func (z *zypper) run(ctx context.Context, args ...string) (*zyppOutput, error) {
	out, err := z.Tool(ctx, nil, slices.Concat([]string{"zypper", "--xmlout", "--non-interactive", "--no-color"}, z.options, args)...)
	var failed *ToolError
	isTool := errors.As(err, &failed)
	if err != nil && !isTool {
		return nil, err
	}
	if isTool {
		out = failed.Stdout
	}
	parsed, broken := parseZypper(out)
	switch {
	case isTool && broken == nil && parsed.failure() != "":
		return nil, &ToolError{Program: "zypper", Err: err, Stderr: parsed.failure()}
	case isTool:
		return nil, err
	}
	return parsed, broken
}

// parseZypper reads zypper's XML.
func parseZypper(out string) (*zyppOutput, error) {
	parsed := &zyppOutput{}
	if err := xml.Unmarshal([]byte(out), parsed); err != nil {
		return nil, fmt.Errorf("zypper printed no XML: %w", err)
	}
	return parsed, nil
}

// failure is the first error that zypper told, "" if it told none. Later ones say what it does not do because of it.
func (o *zyppOutput) failure() string {
	for _, m := range o.Messages {
		if m.Type == "error" {
			return strings.Join(strings.Fields(m.Text), " ")
		}
	}
	return ""
}

// Installed implements Manager. It runs in both phases.
func (z *zypper) Installed(ctx context.Context) ([]Installed, error) {
	return z.installed(ctx, z.locks())
}

// locks are the names of the packages whose version must not change, as patterns: locks(5) has a paragraph for each. Only rpm runs in the
// root that is kept, because zypper would leave files with random names in it.
func (z *zypper) locks() []string {
	var locks []string
	for paragraph := range strings.SplitSeq(string(z.setting("etc/zypp/locks")), "\n\n") {
		name, other := "", false
		for line := range strings.Lines(paragraph) {
			key, value, _ := strings.Cut(line, ":")
			switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
			case "solvable_name":
				name = value
			case "type":
				other = value != "package"
			}
		}
		if name != "" && !other {
			locks = append(locks, name)
		}
	}
	return locks
}

// Refresh implements Manager. zypper refuses a repository whose signature or key it does not know when nobody answers its question.
func (z *zypper) Refresh(ctx context.Context) ([]Repository, error) {
	const noRepositories = 6 // exit code (zypper(8), "EXIT CODES")
	out, err := z.run(ctx, "repos")
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == noRepositories {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := z.run(ctx, "refresh", "--force"); err != nil {
		return nil, err
	}
	var list []Repository
	for _, r := range out.Repositories {
		if r.Enabled == "1" {
			cache := Target{Root: cmp.Or(z.caches, z.Root)}
			list = append(list, Repository{r.Alias, cache.advisories("var/cache/zypp/raw/" + r.Alias)})
		}
	}
	return list, nil
}

// Offers implements Manager.
func (z *zypper) Offers(ctx context.Context, of []Installed) ([]Offer, error) {
	updates, err := z.run(ctx, "--no-refresh", "list-updates", "--all")
	if err != nil {
		return nil, err
	}
	security, err := z.security(ctx)
	if err != nil {
		return nil, err
	}
	preferred, err := z.run(ctx, "--no-refresh", "list-updates")
	if err != nil {
		return nil, err
	}
	var offers []Offer
	for _, u := range updates.Updates {
		pkg := Package{u.Name, u.Arch, rpmVersion(u.Edition)}
		if u.Kind != "package" {
			continue
		}
		offer := Offer{Package: pkg, From: Repository{u.Source.Alias, security[u.Name]},
			Preferred: slices.ContainsFunc(preferred.Updates, func(p zyppUpdate) bool { return p.same(u) })}
		z.offers = append(z.offers, offer)
		if slices.ContainsFunc(of, func(i Installed) bool { return i.same(pkg) }) {
			offers = append(offers, offer)
		}
	}
	return offers, nil
}

// same reports whether two updates are to the same version of the same package.
func (u zyppUpdate) same(v zyppUpdate) bool {
	return u.Kind == v.Kind && u.Name == v.Name && u.Arch == v.Arch && u.Edition == v.Edition
}

// security names the packages of which the needed security advisories want a newer version. An advisory conflicts with the versions that it
// fixes (zypper(8), "Patch").
func (z *zypper) security(ctx context.Context) (map[string]bool, error) {
	out, err := z.run(ctx, "--no-refresh", "list-patches", "--category", "security")
	if err != nil {
		return nil, err
	}
	var patches []string
	for _, u := range out.Updates {
		if u.Kind == "patch" && u.Category == "security" && plain(u.Name) == nil {
			patches = append(patches, u.Name)
		}
	}
	names := map[string]bool{}
	for some := range slices.Chunk(patches, 100) { // the length of a command line is limited
		info, err := z.run(ctx, append([]string{"--no-refresh", "info", "-t", "patch"}, some...)...)
		if err != nil {
			return nil, err
		}
		for _, m := range info.Messages {
			for _, name := range conflicts(m.Text) {
				names[name] = true
			}
		}
	}
	return names, nil
}

// conflicts reads the packages of a description of patches: "NAME[.ARCH] < VERSION" behind "Conflicts", or on indented lines below it.
func conflicts(text string) []string {
	var names []string
	inside := false
	for line := range strings.Lines(text) {
		value := line
		if !strings.HasPrefix(line, " ") {
			var key string
			key, value, _ = strings.Cut(line, ":")
			inside = strings.TrimSpace(key) == "Conflicts"
		}
		name, _, ok := strings.Cut(strings.TrimSpace(value), " < ")
		if !inside || !ok || strings.Contains(name, ":") { // "srcpackage:NAME" is no installed package
			continue
		}
		names = append(names, name)
		if short, _, dotted := cutLast(name, "."); dotted {
			names = append(names, short)
		}
	}
	return names
}

// Simulate implements Manager.
func (z *zypper) Simulate(ctx context.Context, to []Package) ([]Change, error) {
	out, err := z.run(ctx, append([]string{"--no-refresh", "install", "--dry-run", "--no-recommends", "--no-force-resolution"},
		editions(to)...)...)
	if err != nil {
		return nil, err
	}
	changes, err := out.changes()
	return withRepositories(changes, z.offers), err
}

// editions names packages with their versions (zypper(8), "capability").
func editions(list []Package) []string {
	args := make([]string, len(list))
	for i, pkg := range list {
		args[i] = pkg.Name + "." + pkg.Arch + "=" + pkg.Version
	}
	return args
}

// changes are the packages of a transaction. Patches stand for their packages, and are not installed as files.
func (o *zyppOutput) changes() ([]Change, error) {
	var changes []Change
	parts := []struct {
		list        []zyppSolvable
		gone, lower bool
	}{
		{o.Summary.Upgrade, false, false}, {o.Summary.Install, false, false}, {o.Summary.Reinstall, false, false},
		{o.Summary.Downgrade, false, true}, {o.Summary.Remove, true, false}, {o.Summary.Arch, false, false},
	}
	for _, part := range parts {
		for _, s := range part.list {
			c := Change{Name: s.Name, Arch: s.Arch, Before: rpmVersion(s.Old), After: rpmVersion(s.New), Lower: part.lower}
			if part.gone {
				c.Before, c.After = c.After, ""
			}
			switch s.Type {
			case "package":
				changes = append(changes, c)
			case "patch":
			default:
				return nil, fmt.Errorf("zypper would change the %s %s", printable.Short(s.Type, maxField), printable.Short(s.Name, maxField))
			}
		}
	}
	return changes, nil
}

// Download implements Manager.
func (z *zypper) Download(ctx context.Context, changes []Change, dir string) ([]string, error) {
	cache := path.Join(dir, ".new")
	args := []string{"--no-refresh", "--pkg-cache-dir", cache, "install", "--download-only", "--no-recommends", "--no-force-resolution"}
	if _, err := z.run(ctx, append(args, editions(packagesOf(changes))...)...); err != nil {
		return nil, err
	}
	names, err := z.collect(ctx, changes, cache, dir)
	return names, errors.Join(err, os.RemoveAll(cache))
}
