package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// apt drives apt-get and dpkg.
type apt struct {
	Target
	native   string             // architecture of the packages without a suffix
	releases map[string]release // by the line with which apt-cache names a repository
}

// findApt returns the driver of apt.
func findApt(t Target) Manager {
	if !t.has("usr/bin/apt-get") || !t.has("usr/bin/dpkg") || !t.has("var/lib/dpkg/status") {
		return nil
	}
	return &apt{Target: t}
}

// Name implements Manager.
func (a *apt) Name() string { return "apt" }

// aptEnv keeps every question away: debconf(7), dpkg(1), needrestart(1), apt-listchanges(1).
var aptEnv = []string{"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "NEEDRESTART_SUSPEND=1",
	"APT_LISTCHANGES_FRONTEND=none", "UCF_FORCE_CONFFOLD=1"}

// aptOptions are those of every call (apt.conf(5), apt-get(8)). Nothing unsigned is taken whatever the image's settings say. The step has
// no user but root that could write where the files go.
var aptOptions = []string{
	"-o", "APT::Sandbox::User=root",
	"-o", "APT::Get::AllowUnauthenticated=false",
	"-o", "Acquire::AllowInsecureRepositories=false",
	"-o", "Acquire::AllowDowngradeToInsecureRepositories=false",
	"-o", "Acquire::Languages=none",
	"-o", "Acquire::Retries=2",
	"-o", "Acquire::http::Timeout=30",
	"-o", "Acquire::https::Timeout=30",
	"-o", "APT::Update::Error-Mode=any",
	"-o", "APT::Get::Show-User-Simulation-Note=false",
	"-o", "Dpkg::Use-Pty=0",
	"-o", "Dpkg::Options::=--force-confold",
	"-o", "Dpkg::Options::=--force-confdef",
	"-o", "Dpkg::Options::=--force-unsafe-io",
}

// get runs apt-get.
func (a *apt) get(ctx context.Context, args ...string) (string, error) {
	return a.Tool(ctx, aptEnv, append(append([]string{"apt-get", "-y", "-q"}, aptOptions...), args...)...)
}

// Installed implements Manager.
func (a *apt) Installed(ctx context.Context) ([]Installed, error) {
	native, err := a.Tool(ctx, nil, "dpkg", "--print-architecture")
	if err != nil {
		return nil, err
	}
	a.native = strings.TrimSpace(native)
	out, err := a.Tool(ctx, nil, "dpkg-query", "-W", "-f", `${Status}\t${binary:Package}\t${Architecture}\t${Version}\n`)
	if err != nil {
		return nil, err
	}
	return parseStatus(out)
}

// parseStatus reads lines of dpkg-query: the three words of the status (dpkg(1), "Package states"), the name, the architecture and the
// version.
func parseStatus(out string) ([]Installed, error) {
	var list []Installed
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			return nil, fmt.Errorf("dpkg-query printed %s", printable.Short(line, maxLine))
		}
		words := strings.Fields(fields[0])
		if len(words) != 3 {
			return nil, fmt.Errorf("dpkg-query printed the status %s", printable.Short(fields[0], maxLine))
		}
		if words[2] == "not-installed" || words[2] == "config-files" {
			continue
		}
		name, _, _ := strings.Cut(fields[1], ":")
		pkg := Installed{Package: Package{name, fields[2], fields[3]}, Held: words[0] == "hold"}
		if words[1] != "ok" || words[2] != "installed" {
			pkg.Broken = "dpkg has it as " + fields[0]
		}
		list = append(list, pkg)
	}
	return list, nil
}

// Refresh implements Manager.
func (a *apt) Refresh(ctx context.Context) ([]Repository, error) {
	if _, err := a.get(ctx, "update"); err != nil {
		return nil, explainApt(err)
	}
	out, err := a.Tool(ctx, aptEnv, "apt-cache", "policy")
	if err != nil {
		return nil, err
	}
	a.releases = parseReleases(out)
	var list []Repository
	for _, r := range a.releases {
		if !slices.Contains(list, r.repository()) {
			list = append(list, r.repository())
		}
	}
	return list, nil
}

// Offers implements Manager.
func (a *apt) Offers(ctx context.Context, of []Installed) ([]Offer, error) {
	var offers []Offer
	for some := range slices.Chunk(of, 200) { // the length of a command line is limited
		args := []string{"apt-cache", "policy"}
		for _, pkg := range some {
			args = append(args, aptName(pkg.Package))
		}
		out, err := a.Tool(ctx, aptEnv, args...)
		if err != nil {
			return nil, err
		}
		for _, table := range parsePolicy(out) {
			i := slices.IndexFunc(some, func(pkg Installed) bool { return a.listedAs(pkg.Package, table.name) })
			if i >= 0 {
				offers = append(offers, a.newer(some[i], table)...)
			}
		}
	}
	return offers, nil
}

// aptName is a package's name as apt takes it for any architecture.
func aptName(pkg Package) string {
	if pkg.Arch == "" || pkg.Arch == "all" {
		return pkg.Name
	}
	return pkg.Name + ":" + pkg.Arch
}

// listedAs reports whether apt prints a package under a name: that of the native architecture has no suffix.
func (a *apt) listedAs(pkg Package, name string) bool {
	name, arch, foreign := strings.Cut(name, ":")
	if !foreign || arch == "any" {
		arch = a.native
	}
	return name == pkg.Name && (pkg.Arch == arch || pkg.Arch == "all" || pkg.Arch == "")
}

// newer are the versions above the installed one in a table of apt-cache policy, which is sorted.
func (a *apt) newer(pkg Installed, table policyTable) []Offer {
	var offers []Offer
	for _, v := range table.versions {
		if v.installed || v.version == pkg.Version {
			break
		}
		for _, source := range v.sources {
			r, ok := a.releases[source]
			if !ok {
				continue
			}
			offers = append(offers, Offer{Package: Package{pkg.Name, pkg.Arch, v.version}, From: r.repository(),
				Preferred: v.version == table.candidate})
		}
	}
	return offers
}

// Simulate implements Manager.
func (a *apt) Simulate(ctx context.Context, to []Package) ([]Change, error) {
	out, err := a.get(ctx, append([]string{"-s", "--only-upgrade", "--no-install-recommends", "install"}, exactly(to)...)...)
	if err != nil {
		return nil, explainApt(err)
	}
	changes, err := parseSimulation(out)
	for i := range changes {
		c := &changes[i]
		for _, r := range a.releases { // with the codename, as Offers names it: the archive of a release changes
			if c.Repository == r.label+" "+r.archive {
				c.Repository = r.repository().Name
			}
		}
		if c.Before != "" && c.After != "" && err == nil {
			_, older := a.Tool(ctx, nil, "dpkg", "--compare-versions", c.After, "gt", c.Before)
			c.Lower = older != nil
		}
	}
	return changes, err
}

// exactly names packages with their versions.
func exactly(list []Package) []string {
	args := make([]string, len(list))
	for i, pkg := range list {
		args[i] = aptName(pkg) + "=" + pkg.Version
	}
	return args
}

// Download implements Manager.
func (a *apt) Download(ctx context.Context, changes []Change, dir string) ([]string, error) {
	partial := path.Join(dir, "partial")
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return nil, err
	}
	args := []string{"-o", "Dir::Cache::archives=" + dir, "--download-only", "--only-upgrade", "--no-install-recommends", "install"}
	if _, err := a.get(ctx, append(args, exactly(packagesOf(changes))...)...); err != nil {
		return nil, explainApt(err)
	}
	if err := errors.Join(os.RemoveAll(partial), removeIfThere(path.Join(dir, "lock"))); err != nil {
		return nil, err
	}
	return a.named(ctx, changes, dir)
}

func removeIfThere(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// named gives the package files in dir simple names, and returns them in the order of the changes.
func (a *apt) named(ctx context.Context, changes []Change, dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(changes))
	for _, entry := range entries {
		file := path.Join(dir, entry.Name())
		out, err := a.Tool(ctx, nil, "dpkg-deb", "--show", "--showformat", `${Package}\t${Architecture}\t${Version}`, file)
		if err != nil {
			return nil, err
		}
		fields := strings.Split(out, "\t")
		i := slices.IndexFunc(changes, func(c Change) bool { return slices.Equal(fields, []string{c.Name, c.Arch, c.After}) })
		if i < 0 {
			return nil, fmt.Errorf("apt-get downloaded %s, which is of no package that was asked for", printable.Short(entry.Name(),
				maxLine))
		}
		names[i] = changes[i].Name + "_" + changes[i].Arch + ".deb"
		if err := os.Rename(file, path.Join(dir, names[i])); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		if name == "" {
			return nil, fmt.Errorf("apt-get did not download %s", changes[i].Package())
		}
	}
	return names, nil
}

// Install implements Manager.
func (a *apt) Install(ctx context.Context, files []string) error {
	done, err := a.forbidServices()
	if err != nil {
		return err
	}
	args := []string{"--only-upgrade", "--no-install-recommends", "install"}
	_, err = a.get(ctx, append(args, files...)...)
	if err != nil {
		err = explainApt(err)
	}
	return errors.Join(err, done())
}

// forbidServices makes invoke-rc.d start no service while packages are installed, as debian-policy 9.3.3.2 and
// /usr/share/doc/init-system-helpers/README.policy-rc.d.gz say: exit code 101 is "action forbidden by policy".
func (a *apt) forbidServices() (done func() error, err error) {
	name := path.Join(a.Root, "usr/sbin/policy-rc.d")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil // the image's own
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	return func() error { return os.Remove(name) }, errors.Join(err, f.Close())
}

// Leftovers implements Manager.
func (a *apt) Leftovers() Leftovers {
	return Leftovers{
		Remove: []string{
			"var/lib/apt/lists/*", "var/lib/apt/lists/*/*", "var/lib/apt/periodic/*", "var/lib/apt/mirrors/*",
			"var/cache/apt/*.bin", "var/cache/apt/archives/*", "var/cache/apt/archives/*/*", "var/cache/debconf/*-old",
			"var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock", "var/cache/ldconfig/aux-cache",
		},
		Restore: []string{"var/log/*", "var/log/*/*", "var/lib/apt/extended_states", "var/lib/dpkg/available"},
		Source:  "apt.conf(5), directories; dpkg(1), files; debconf.conf(5); ldconfig(8): aux-cache has inodes and times of files",
	}
}
