package update

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// rpm is what dnf, microdnf and zypper have in common: the packages are files of rpm, and rpm alone installs them. A package manager would
// keep a history of it with the time, and the mark of a package that was asked for is by its name, which does not change.
type rpm struct {
	Target
	root    []string // options with which rpm works on another root filesystem than its own
	scripts []string // options with which it runs no scripts
}

// hasRpm reports whether a root filesystem has rpm and a database of it.
func (t Target) hasRpm() bool {
	return t.has("usr/bin/rpm", "bin/rpm") && slices.ContainsFunc(rpmDatabases, func(dir string) bool {
		info, err := os.Stat(path.Join(t.Root, dir))
		return err == nil && info.IsDir()
	})
}

// rpmDatabases are where rpm keeps its database (rpm(8), macros: %_dbpath, as the distributions set it).
var rpmDatabases = []string{"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"}

// rpmFormat prints a package: name, architecture, version (rpm(8), --queryformat).
const rpmFormat = `%{NAME}\t%{ARCH}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n`

// rpmKey is the name under which rpm keeps a public key as if it were a package (rpmkeys(8)).
const rpmKey = "gpg-pubkey"

// installed lists the installed packages. Those whose names match a lock are held.
func (r rpm) installed(ctx context.Context, locks []string) ([]Installed, error) {
	out, err := r.Tool(ctx, nil, slices.Concat([]string{"rpm"}, r.root, []string{"-qa", "--qf", rpmFormat})...)
	if err != nil {
		return nil, err
	}
	list, err := parseRpm(out)
	var installed []Installed
	for _, pkg := range list {
		if pkg.Name == rpmKey {
			continue
		}
		held := slices.ContainsFunc(locks, func(lock string) bool {
			match, err := path.Match(lock, pkg.Name)
			return err == nil && match
		})
		installed = append(installed, Installed{Package: pkg, Held: held})
	}
	return installed, err
}

// parseRpm reads what rpmFormat prints.
func parseRpm(out string) ([]Package, error) {
	var list []Package
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("rpm printed %s", printable.Short(line, maxLine))
		}
		list = append(list, Package{fields[0], fields[1], rpmVersion(fields[2])})
	}
	return list, nil
}

// rpmVersion is a version without an epoch of 0, which some programs write and others do not (rpm-version(7)).
func rpmVersion(version string) string { return strings.TrimPrefix(version, "0:") }

// nevra names a package and its version (dnf(8), "Specifying packages"; zypper does not take it).
func nevra(pkg Package) string { return pkg.Name + "-" + pkg.Version + "." + pkg.Arch }

// nevras names several.
func nevras(list []Package) []string {
	args := make([]string, len(list))
	for i, pkg := range list {
		args[i] = nevra(pkg)
	}
	return args
}

// parseNevra is the reverse of nevra: no version, release or architecture has a dash, no architecture has a dot.
func parseNevra(text string) (pkg Package, ok bool) {
	rest, arch, ok := cutLast(text, ".")
	if !ok {
		return Package{}, false
	}
	rest, release, ok := cutLast(rest, "-")
	if !ok {
		return Package{}, false
	}
	name, version, ok := cutLast(rest, "-")
	return Package{name, arch, rpmVersion(version + "-" + release)}, ok && name != ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// packagesOf are the packages after a list of changes.
func packagesOf(changes []Change) []Package {
	to := make([]Package, len(changes))
	for i, c := range changes {
		to[i] = c.Package()
	}
	return to
}

// withRepositories notes where the new versions come from, as far as offers say it.
func withRepositories(changes []Change, offers []Offer) []Change {
	for i := range changes {
		c := &changes[i]
		for _, o := range offers {
			if c.Repository == "" && c.Package().same(o.Package) && c.After == o.Version {
				c.Repository = o.From.Name
			}
		}
	}
	return changes
}

// collect moves the package files below from into dir, gives them simple names, and returns these in the order of the changes.
func (r rpm) collect(ctx context.Context, changes []Change, from, dir string) ([]string, error) {
	names := make([]string, len(changes))
	files, err := rpmsBelow(from)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		out, err := r.Tool(ctx, nil, "rpm", "-qp", "--nosignature", "--qf", rpmFormat, file)
		if err != nil {
			return nil, err
		}
		list, err := parseRpm(out)
		if err != nil || len(list) != 1 {
			return nil, fmt.Errorf("%s is not the file of one package", printable.Short(path.Base(file), maxLine))
		}
		i := slices.IndexFunc(changes, func(c Change) bool { return c.Package() == list[0] })
		if i < 0 {
			return nil, fmt.Errorf("%s was downloaded and is of no package that was asked for", printable.Short(path.Base(file), maxLine))
		}
		names[i] = changes[i].Name + "." + changes[i].Arch + ".rpm"
		if err := os.Rename(file, path.Join(dir, names[i])); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		if name == "" {
			return nil, fmt.Errorf("the file of %s was not downloaded", changes[i].Package())
		}
	}
	return names, nil
}

// rpmsBelow are the package files in a directory and its directories, links not followed.
func rpmsBelow(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			more, err := rpmsBelow(name)
			if err != nil {
				return nil, err
			}
			files = append(files, more...)
		case entry.Type().IsRegular() && strings.HasSuffix(name, ".rpm"):
			files = append(files, name)
		}
	}
	return files, nil
}

// Install implements Manager. The package manager verified the signatures when it downloaded these files, perhaps with a key that only its
// repository names; they have not changed since. rpm notes the time of the installation, which SOURCE_DATE_EPOCH sets from rpm 4.17 on.
func (r rpm) Install(ctx context.Context, files []string) error {
	args := slices.Concat([]string{"rpm"}, r.root, []string{"-U", "--nosignature"}, r.scripts)
	if r.withoutDocs() {
		args = append(args, "--excludedocs")
	}
	_, err := r.Tool(ctx, []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.Epoch)}, append(args, files...)...)
	return err
}

// docSettings are what makes a package manager leave out documentation (dnf.conf(5), tsflags; zypp.conf, rpm.install.excludedocs).
var docSettings = []struct {
	file    string
	pattern *regexp.Regexp
}{
	{"etc/dnf/dnf.conf", regexp.MustCompile(`(?m)^\s*tsflags\s*=.*\bnodocs\b`)},
	{"etc/yum.conf", regexp.MustCompile(`(?m)^\s*tsflags\s*=.*\bnodocs\b`)},
	{"etc/zypp/zypp.conf", regexp.MustCompile(`(?mi)^\s*rpm\.install\.excludedocs\s*=\s*(yes|true|1)\b`)},
}

// withoutDocs reports whether the image's settings leave out documentation.
func (r rpm) withoutDocs() bool {
	for _, s := range docSettings {
		if s.pattern.Match(r.setting(s.file)) {
			return true
		}
	}
	return false
}

// maxSetting bounds a file of settings, in bytes.
const maxSetting = 1 << 20

// setting reads a file of settings, nil if it is not there. It follows no link out of the root, because it follows none.
func (t Target) setting(name string) []byte {
	name = path.Join(t.Root, name)
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSetting {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}

// settingLines are the lines of a file of settings that are not empty and no comments.
func (t Target) settingLines(name string) []string {
	var lines []string
	scan := bufio.NewScanner(strings.NewReader(string(t.setting(name))))
	for scan.Scan() {
		if line := strings.TrimSpace(scan.Text()); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// advisories reports whether a repository's index, as one of the patterns finds it in a cache, lists advisories (createrepo_c(8),
// repomd.xml: data of the type "updateinfo").
func (t Target) advisories(patterns ...string) bool {
	for _, pattern := range patterns {
		dirs, err := os.ReadDir(path.Join(t.Root, path.Dir(pattern)))
		if err != nil {
			continue
		}
		for _, dir := range dirs {
			match, err := path.Match(path.Base(pattern), dir.Name())
			if err != nil || !match {
				continue
			}
			index := t.setting(path.Join(path.Dir(pattern), dir.Name(), "repodata/repomd.xml"))
			if strings.Contains(string(index), `type="updateinfo"`) {
				return true
			}
		}
	}
	return false
}

// rpmLeftovers are what rpm leaves behind. The index of the write-ahead log is made again when the database is opened.
var rpmLeftovers = Leftovers{
	Remove: []string{"var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock", "var/lib/rpm/__db.*", "var/cache/ldconfig/aux-cache"},
	Restore: []string{"var/lib/rpm/rpmdb.sqlite-shm", "usr/lib/sysimage/rpm/rpmdb.sqlite-shm", "usr/share/rpm/rpmdb.sqlite-shm",
		"var/log/*", "var/log/*/*"},
	Source: "rpm, lib/backend/sqlite.c; sqlite.org/wal.html; ldconfig(8)",
}

// Leftovers implements Manager. Only rpm ran in the root that is kept.
func (r rpm) Leftovers() Leftovers { return rpmLeftovers }
