package update

import (
	"context"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// apk drives apk-tools, from 2.12 on: "upgrade" of an older one ignores names.
type apk struct {
	Target
	options []string // of every call
}

// findApk returns the driver of apk.
func findApk(t Target) Manager {
	if !t.has("sbin/apk", "usr/sbin/apk", "usr/bin/apk") || !t.has("lib/apk/db/installed", "usr/lib/apk/db/installed") {
		return nil
	}
	return &apk{Target: t}
}

// Name implements Manager.
func (a *apk) Name() string { return "apk" }

// run runs apk. Untrusted repositories and packages are refused by default, and no setting of an image changes that.
func (a *apk) run(ctx context.Context, args ...string) (string, error) {
	return a.Tool(ctx, nil, slices.Concat([]string{"apk", "--no-progress"}, a.options, args)...)
}

// apkWorld lists the packages that were asked for, with conditions (apk-world(5)).
const apkWorld = "etc/apk/world"

// apkPin is a package of which exactly one version is wanted.
var apkPin = regexp.MustCompile(`^([^=<>~@!]+)=[^@]+`)

// Installed implements Manager.
func (a *apk) Installed(ctx context.Context) ([]Installed, error) {
	version, err := a.run(ctx, "--version")
	if err != nil {
		return nil, err
	}
	if old(version) {
		return nil, refuse("build the image on a newer base image", "apk-tools 2.12 or newer is needed; the image has %s",
			printable.Short(strings.TrimSpace(version), maxField))
	}
	out, err := a.run(ctx, "list", "--installed")
	if err != nil {
		return nil, err
	}
	held := pinned(a.Target)
	list, err := parseApkList(out)
	for i := range list {
		list[i].Held = held[list[i].Name]
	}
	return list, err
}

// pinned are the packages of a root filesystem of which exactly one version is wanted.
func pinned(t Target) map[string]bool {
	held := map[string]bool{}
	for _, line := range t.settingLines(apkWorld) {
		for _, word := range strings.Fields(line) {
			if m := apkPin.FindStringSubmatch(word); m != nil {
				held[m[1]] = true
			}
		}
	}
	return held
}

// apkVersion is the first line of apk --version.
var apkVersion = regexp.MustCompile(`^apk-tools (\d+)\.(\d+)`)

// old reports whether apk is too old, or not one that is known.
func old(version string) bool {
	m := apkVersion.FindStringSubmatch(version)
	if m == nil {
		return true
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major < 2 || major == 2 && minor < 12
}

// parseApkList reads "NAME-VERSION ARCH {ORIGIN} (LICENSE) [installed]" (apk-list(8)). Those of apk add --virtual have no files; their
// version is the time of their making, without the "-rN" of others.
func parseApkList(out string) ([]Installed, error) {
	var list []Installed
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "WARNING: ") { // apk-tools 2 prints it here: a repository's index is not there
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			return nil, fmt.Errorf("apk printed %s", printable.Short(line, maxLine))
		}
		name, version, ok := parseApkName(fields[0])
		if !ok {
			return nil, fmt.Errorf("apk printed %s", printable.Short(line, maxLine))
		}
		list = append(list, Installed{Package: Package{name, fields[1], version}})
	}
	return list, nil
}

// apkRelease is the revision at the end of a version (apk-package(5)).
var apkRelease = regexp.MustCompile(`^r\d+$`)

// parseApkName splits a name from a version: it begins at the last dash, or at the one before if the last part is a revision.
func parseApkName(text string) (name, version string, ok bool) {
	name, version, ok = cutLast(text, "-")
	if ok && apkRelease.MatchString(version) {
		var upstream string
		name, upstream, ok = cutLast(name, "-")
		version = upstream + "-" + version
	}
	return name, version, ok && name != "" && version != ""
}

// Explain implements Explainer. Alpine publishes fixes in the repository of the release itself; its lists of vulnerabilities (secdb,
// secdb.alpinelinux.org) are no repository that apk reads.
func (a *apk) Explain(mode Mode) (string, error) {
	if mode != Security {
		return "", nil
	}
	return "apk has no repository of its own for security updates: each newer version in its repositories counts as one", nil
}

// Refresh implements Manager. Every repository without a tag has security updates.
func (a *apk) Refresh(ctx context.Context) ([]Repository, error) {
	if _, err := a.run(ctx, "--force-refresh", "update"); err != nil {
		return nil, err
	}
	var list []Repository
	for _, line := range a.repositoryLines() {
		if !strings.HasPrefix(line, "@") {
			list = append(list, Repository{line, true})
		}
	}
	return list, nil
}

// repositoryLines are those of the lists of repositories (apk-repositories(5)).
func (a *apk) repositoryLines() []string {
	lines := a.settingLines("etc/apk/repositories")
	for _, dir := range []string{"etc/apk/repositories.d", "lib/apk/repositories.d", "usr/lib/apk/repositories.d"} {
		entries, err := os.ReadDir(path.Join(a.Root, dir))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), ".list") {
				lines = append(lines, a.settingLines(path.Join(dir, entry.Name()))...)
			}
		}
	}
	return lines
}

// Offers implements Manager. Preferred are the versions of an upgrade of everything.
func (a *apk) Offers(ctx context.Context, of []Installed) ([]Offer, error) {
	upgrade, err := a.simulate(ctx)
	if err != nil {
		return nil, err
	}
	var offers []Offer
	for some := range slices.Chunk(of, 200) { // the length of a command line is limited
		args := []string{"policy"}
		for _, pkg := range some {
			args = append(args, pkg.Name)
		}
		out, err := a.run(ctx, args...)
		if err != nil {
			return nil, err
		}
		for _, version := range parseApkPolicy(out) {
			i := slices.IndexFunc(some, func(pkg Installed) bool { return pkg.Name == version.Name })
			if i < 0 {
				continue
			}
			version.Arch = some[i].Arch
			newer, err := a.newer(ctx, version.Version, some[i].Version)
			if err != nil {
				return nil, err
			}
			if newer {
				version.Preferred = slices.ContainsFunc(upgrade, func(c Change) bool {
					return c.Package().same(version.Package) && c.After == version.Version
				})
				offers = append(offers, version)
			}
		}
	}
	return offers, nil
}

// newer compares two versions.
func (a *apk) newer(ctx context.Context, version, than string) (bool, error) {
	if version == than {
		return false, nil
	}
	out, err := a.run(ctx, "version", "-t", version, than)
	return strings.TrimSpace(out) == ">", err
}

// parseApkPolicy reads the versions of packages in repositories without a tag: a head "NAME policy:", on indented lines below it the
// versions, below each the repositories, or the database of the installed packages (apk-policy(8)).
func parseApkPolicy(out string) []Offer {
	var offers []Offer
	name, version := "", ""
	for line := range strings.Lines(out) {
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "    "):
			if !strings.HasPrefix(text, "@") && !strings.HasSuffix(text, "apk/db/installed") {
				offers = append(offers, Offer{Package: Package{Name: name, Version: version}, From: Repository{text, true}})
			}
		case strings.HasPrefix(line, "  "):
			version = strings.TrimSuffix(text, ":")
		default:
			name = strings.TrimSuffix(text, " policy:")
		}
	}
	return offers
}

// Simulate implements Manager. apk takes no version here: the phase refuses one that is not the wanted one.
func (a *apk) Simulate(ctx context.Context, to []Package) ([]Change, error) {
	names := make([]string, len(to))
	for i, pkg := range to {
		names[i] = pkg.Name
	}
	changes, err := a.simulate(ctx, names...)
	if err != nil || len(changes) == 0 {
		return changes, err
	}
	args := []string{"policy"}
	for _, c := range changes {
		args = append(args, c.Name)
	}
	out, err := a.run(ctx, args...)
	return withRepositories(changes, parseApkPolicy(out)), err
}

// simulate lists what an upgrade would change: of these packages and what they need, or of everything.
func (a *apk) simulate(ctx context.Context, names ...string) ([]Change, error) {
	out, err := a.run(ctx, append([]string{"upgrade", "--simulate", "--no-self-upgrade"}, names...)...)
	if err != nil {
		return nil, err
	}
	return parseApkChanges(out)
}

// apkChange is a line of apk's transaction (apk-tools, src/commit.c: print_change).
var apkChange = regexp.MustCompile(`^\( *\d+/\d+\) (\S+) ([^ @]+)(?:@\S+)? \(([^ )]+)(?: -> ([^ )]+))?\)`)

// apkVerbs say what a line of a transaction means. The same version, perhaps built once more, is no change.
var apkVerbs = map[string]struct{ gone, same, lower bool }{
	"Installing": {}, "Upgrading": {}, "Downgrading": {lower: true}, "Purging": {gone: true}, "Reinstalling": {same: true},
	"Replacing": {same: true},
}

// parseApkChanges reads a transaction.
func parseApkChanges(out string) ([]Change, error) {
	var changes []Change
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "(") {
			continue
		}
		m := apkChange.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("apk printed %s", printable.Short(line, maxLine))
		}
		verb, ok := apkVerbs[m[1]]
		switch c := (Change{Name: m[2], Before: m[3], After: m[4], Lower: verb.lower}); {
		case !ok:
			return nil, fmt.Errorf("apk printed %s", printable.Short(line, maxLine))
		case verb.same:
		case verb.gone:
			changes = append(changes, Change{Name: m[2], Before: m[3]})
		case m[4] == "":
			changes = append(changes, Change{Name: m[2], After: m[3]})
		default:
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// Download implements Manager. apk compares each file with the signed index. It takes no version either: what is not there under the name
// of the wanted version is refused.
func (a *apk) Download(ctx context.Context, changes []Change, dir string) ([]string, error) {
	args := []string{"fetch", "--output", dir}
	names := make([]string, len(changes))
	for i, c := range changes {
		args = append(args, c.Name)
		names[i] = c.Name + "-" + c.After + ".apk"
	}
	if _, err := a.run(ctx, args...); err != nil {
		return nil, err
	}
	for i, name := range names {
		if _, err := os.Lstat(path.Join(dir, name)); err != nil {
			return nil, refuse("build again", "apk did not download %s, but another version", changes[i].Package())
		}
	}
	return names, nil
}

// Install implements Manager. apk verifies the signatures of the files with the image's keys. It would note the files in the list of the
// packages that were asked for, which Leftovers restores; the rest is as after an upgrade from the repository.
func (a *apk) Install(ctx context.Context, files []string) error {
	_, err := a.run(ctx, append([]string{"--no-network", "--no-cache", "--repositories-file", "/dev/null", "add"}, files...)...)
	return err
}

// Leftovers implements Manager.
func (a *apk) Leftovers() Leftovers {
	return Leftovers{
		Remove: []string{"var/cache/apk/*", "etc/apk/cache/*", "lib/apk/db/lock", "usr/lib/apk/db/lock", "lib/apk/db/*.new",
			"usr/lib/apk/db/*.new"},
		Restore: []string{apkWorld, "var/log/*"},
		Source:  "apk-tools, src/database.c; apk-world(5)",
	}
}
