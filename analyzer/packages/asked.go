package packages

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/packages/rpmdb"
	"github.com/slimimage/slim/layers"
)

// Files where package managers record which packages were requested by name, and which were installed as a dependency.
const (
	aptStates   = "/var/lib/apt/extended_states"            // apt-mark(8), FILES
	apkWorld    = "/etc/apk/world"                          // apk-world(5)
	zyppAuto    = "/var/lib/zypp/AutoInstalled"             // libzypp, zypp/target/SolvIdentFile.h
	dnf5Reasons = "/usr/lib/sysimage/libdnf5/packages.toml" // libdnf5, system state
	dnfHistory  = "/var/lib/dnf/history.sqlite"             // libdnf, swdb
)

// asking holds the records of the package managers, before Load turns them into Package.Asked.
type asking struct {
	manual map[string]bool // asked for by name; nil where the package manager lists the others
	auto   map[string]bool // came as a dependency; nil where the package manager lists the asked ones
}

// Asked says whether an installed package of a name was asked for by the author of the image: see Package.Asked.
func (db *DB) Asked(name string) bool {
	pkg, ok := db.Package(name)
	return ok && pkg.Asked
}

// Base reports whether a package with this name belongs to the distribution's base system, or is a dependency of it.
func (db *DB) Base(name string) bool { return db.base[name] }

// alpineBase are the packages of a root filesystem of Alpine Linux, which stand in the world file of every image (aports,
// scripts/genrootfs.sh; the package alpine-base).
var alpineBase = []string{
	"alpine-base", "alpine-baselayout", "alpine-conf", "alpine-keys", "alpine-release", "apk-tools", "busybox", "libc-utils", "musl-utils",
	"busybox-mdev-openrc", "busybox-openrc", "busybox-suid", "openrc", "ssl_client",
}

// rpmBase are the package managers of rpm's distributions, which nothing else depends on, and what carries the settings of a base
// image (the manifests of Fedora's and Red Hat's container base images).
var rpmBase = []string{
	"dnf", "dnf5", "yum", "microdnf", "zypper", "rpm", "tdnf", "rootfiles", "coreutils", "coreutils-single", "bash", "glibc-minimal-langpack",
	"langpacks-en", "util-linux", "util-linux-core", "vim-minimal", "tar", "sudo", "system-release", "subscription-manager", "setup",
	"filesystem",
}

// asked marks the packages that were asked for. Those of the distribution's base system are not: they are in every image.
func (l *loader) asked() {
	notes := map[string]asking{"deb": l.aptAsking(), "apk": l.apkAsking(), "rpm": l.rpmAsking()}
	base := l.db.findBase()
	l.db.base = base
	needed := map[string]bool{} // by another package
	for _, pkg := range l.db.packages {
		for _, name := range pkg.Depends {
			needed[name] = true
		}
	}
	for _, pkg := range l.db.packages {
		switch note := notes[pkg.Type]; {
		case base[pkg.Name]:
		case note.manual != nil:
			pkg.Asked = note.manual[pkg.Name]
		case note.auto != nil:
			pkg.Asked = !note.auto[pkg.Name]
		case pkg.Type == "rpm": // its package managers' notes are missing from many images
			pkg.Asked = !needed[pkg.Name]
		}
	}
}

// findBase lists the packages of the distribution's base system: for dpkg the essential ones and those of priority required and important
// (Debian Policy 2.5 and 3.8) with all that they depend on.
func (db *DB) findBase() map[string]bool {
	var first []string
	for _, pkg := range db.packages {
		switch {
		case pkg.Essential, pkg.Priority == "required", pkg.Priority == "important",
			pkg.Type == "apk" && slices.Contains(alpineBase, pkg.Name),
			pkg.Type == "rpm" && slices.Contains(rpmBase, pkg.Name):
			first = append(first, pkg.Name)
		}
	}
	base := map[string]bool{}
	for _, pkg := range db.Closure(first...) {
		base[pkg.Name] = true
	}
	return base
}

// Closure is the installed packages with these names and all that they depend on, in the order in which they are found.
func (db *DB) Closure(names ...string) []*Package {
	var found []*Package
	seen := map[string]bool{}
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		pkg, ok := db.Package(queue[0])
		if !ok || seen[pkg.Name] {
			continue
		}
		seen[pkg.Name] = true
		found = append(found, pkg)
		queue = append(queue, pkg.Depends...)
	}
	return found
}

// aptAsking reads apt's list of the packages that it installed for others.
func (l *loader) aptAsking() asking {
	data := l.note(aptStates)
	if data == nil {
		return asking{}
	}
	auto := map[string]bool{}
	for s := range stanzas(data) {
		if s.value("Auto-Installed") == "1" {
			auto[s.value("Package")] = true
		}
	}
	return asking{auto: auto}
}

// apkAsking reads apk's list of wanted packages. A name may be one that a package provides, and ".NAME" is a package without files
// that stands for its dependencies (apk add --virtual).
func (l *loader) apkAsking() asking {
	data := l.note(apkWorld)
	if data == nil {
		return asking{}
	}
	manual := map[string]bool{}
	for _, name := range apkNames(string(data)) {
		for _, pkg := range l.db.packages {
			if pkg.Type != "apk" || pkg.Name != name && !slices.Contains(pkg.Provides, name) {
				continue
			}
			manual[pkg.Name] = true
			if strings.HasPrefix(pkg.Name, ".") {
				for _, wanted := range pkg.Depends {
					manual[wanted] = true
				}
			}
		}
	}
	return asking{manual: manual}
}

// rpmAsking reads the records of zypper or dnf, those of the newest program first.
func (l *loader) rpmAsking() asking {
	if data := l.note(dnf5Reasons); data != nil {
		return asking{manual: dnf5Manual(data)}
	}
	if data := l.note(dnfHistory); data != nil {
		manual, err := rpmdb.HistoryManual(bytes.NewReader(data), int64(len(data)))
		if err == nil {
			return asking{manual: manual}
		}
		l.db.warn(fmt.Sprintf("reading %q: %v: which packages were asked for is not known", dnfHistory, err))
	}
	if data := l.note(zyppAuto); data != nil {
		auto := map[string]bool{}
		for line := range strings.Lines(string(data)) {
			if name := strings.TrimSpace(line); name != "" && !strings.HasPrefix(name, "#") {
				auto[name] = true
			}
		}
		return asking{auto: auto}
	}
	return asking{}
}

// dnf5Manual reads libdnf5's state: a section ["NAME.ARCH"] or [packages."NAME.ARCH"] for each package with its reason.
func dnf5Manual(data []byte) map[string]bool {
	manual, name := map[string]bool{}, ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		// A state may also be on one line: packages = { "NAME.ARCH" = { reason = "User" } }, which the next loop reads.
		for _, part := range strings.Split(line, "\"") {
			switch {
			case part == "User" || part == "External User":
				manual[name] = name != ""
			case strings.Contains(part, ".") && !strings.ContainsAny(part, " =[]{}"):
				name = part[:strings.LastIndex(part, ".")]
			}
		}
	}
	delete(manual, "")
	return manual
}

// note reads a file that lists the requested packages, nil where it is missing or unreadable. It is not a database of packages.
func (l *loader) note(name string) []byte {
	res, err := layers.Resolve(l.root, ".", name, true)
	if err != nil || res.Missing {
		return nil
	}
	info, err := l.root.Lstat(res.Path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := l.root.Open(res.Path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxDatabase))
	if err != nil {
		return nil
	}
	return data
}
