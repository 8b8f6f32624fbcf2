package packages

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// diversion is where dpkg-divert moved a path, and the package that may still use it.
type diversion struct{ to, by string }

// dpkgStatus is dpkg's database of packages.
const dpkgStatus = "/var/lib/dpkg/status"

// dpkg reads dpkg's database: the status file and each package's list of files (dpkg-query(1), deb-control(5)).
func (l *loader) dpkg() error {
	status, err := l.records(dpkgStatus, MaxDatabase)
	if err != nil || status == nil {
		return err
	}
	if err := l.diversions(); err != nil {
		return err
	}
	for stanza := range stanzas(status) {
		pkg, ok := l.debPackage(stanza, dpkgStatus)
		if !ok {
			continue
		}
		if l.full() {
			break
		}
		for _, name := range infoFiles(pkg.Name, pkg.Arch, ".list") {
			list, err := l.records("/"+name, maxList)
			if err != nil {
				return err
			}
			if list != nil {
				listPaths(pkg, list)
				break
			}
		}
		l.add(pkg)
	}
	return nil
}

// distroless reads var/lib/dpkg/status.d: one stanza a file, and beside it NAME.md5sums as the only list of files.
func (l *loader) distroless() error {
	const folder = "/var/lib/dpkg/status.d"
	if _, instead := l.find(folder, fs.FileMode.IsDir); instead != "" {
		l.db.lose(fmt.Sprintf("%q is %s: its packages are not known", folder, instead))
	}
	dir, entries, err := l.readDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".md5sums") {
			continue
		}
		data, err := l.records("/"+dir+"/"+entry.Name(), maxList)
		if err != nil {
			return err
		}
		sums, err := l.records("/"+dir+"/"+entry.Name()+".md5sums", maxList)
		if err != nil {
			return err
		}
		for stanza := range stanzas(data) {
			if pkg, ok := l.debPackage(stanza, "/"+dir+"/"+entry.Name()); ok {
				listSums(pkg, sums)
				l.add(pkg)
			}
		}
	}
	return nil
}

// packageName is the name and the architecture of a stanza's package; ok is false where they cannot be part of a file's name.
func (s stanza) packageName() (name, arch string, ok bool) {
	name, arch = s.value("Package"), s.value("Architecture")
	return name, arch, name != "" && name != "." && name != ".." && !strings.ContainsAny(name+arch, "/\x00")
}

// infoDir is where dpkg keeps what it knows of each package beside its status.
const infoDir = "var/lib/dpkg/info/"

// infoFiles are the names that a package's file in infoDir may have: that of a package which can be installed for several
// architectures has the architecture in it.
func infoFiles(name, arch, suffix string) []string {
	return []string{infoDir + name + ":" + arch + suffix, infoDir + name + suffix}
}

// debPackage reads a stanza of a file; ok is false for one without a usable name and for a package whose files are not there.
func (l *loader) debPackage(s stanza, file string) (pkg *Package, ok bool) {
	name, arch, ok := s.packageName()
	if !ok {
		l.db.lose(fmt.Sprintf("%q has a record without the name of a package", file))
		return nil, false
	}
	if status := strings.Fields(s.value("Status")); len(status) == 3 && (status[2] == "not-installed" || status[2] == "config-files") {
		return nil, false
	}
	source, sourceVersion, _ := strings.Cut(s.value("Source"), " ")
	pkg = &Package{
		Type: "deb", Name: name, Version: s.value("Version"), Arch: arch, Source: source,
		Essential: s.value("Essential") == "yes" || s.value("Protected") == "yes",
		Priority:  s.value("Priority"), Section: s.value("Section"),
		requires: append(relations(s.value("Pre-Depends")), relations(s.value("Depends"))...),
		enhances: slices.Concat(relations(s.value("Enhances"))...),
		suggests: slices.Concat(relations(s.value("Recommends") + "," + s.value("Suggests"))...),

		SourceVersion: strings.Trim(sourceVersion, " ()"), Maintainer: s.value("Maintainer"), Homepage: s.value("Homepage"),
	}
	for _, provided := range relations(s.value("Provides")) {
		pkg.Provides = append(pkg.Provides, provided...)
	}
	for line := range strings.Lines(s.value("Conffiles")) {
		where, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if where != "" && !strings.Contains(rest, "obsolete") && len(pkg.conffile) < maxPackages {
			pkg.conffile = append(pkg.conffile, where)
		}
	}
	return pkg, true
}

// relations reads a dependency field: names without versions and architectures, alternatives together.
func relations(field string) [][]string {
	var all [][]string
	for _, item := range strings.Split(field, ",") {
		var names []string
		for _, alternative := range strings.Split(item, "|") {
			fields := strings.FieldsFunc(alternative, func(r rune) bool { return strings.ContainsRune(" \t\n(:[<", r) })
			if len(fields) > 0 {
				names = append(names, fields[0])
			}
		}
		if names != nil {
			all = append(all, names)
		}
	}
	return all
}

// listPaths adds the absolute paths of a list, one a line.
func listPaths(pkg *Package, data []byte) {
	for line := range bytes.Lines(data) {
		if name := bytes.TrimSuffix(line, []byte("\n")); bytes.HasPrefix(name, []byte("/")) && string(name) != "/." {
			pkg.list(string(name), false)
		}
	}
}

// listSums adds the paths of an md5sums file.
func listSums(pkg *Package, data []byte) {
	for _, sum := range md5sums(data) {
		pkg.list(path.Clean("/"+sum.name), false)
	}
}

// diversions reads dpkg-divert's table: three lines each, the path, where it went, and the package (":" when local).
func (l *loader) diversions() error {
	data, err := l.read("/var/lib/dpkg/diversions", maxList)
	if err != nil {
		return err
	}
	l.divert = map[string]diversion{}
	lines := strings.Split(string(data), "\n")
	for ; len(lines) >= 3 && len(l.divert) < maxPackages; lines = lines[3:] {
		l.divert[lines[0]] = diversion{to: lines[1], by: lines[2]}
	}
	return nil
}

// diverted is where dpkg put a package's path.
func (l *loader) diverted(name, pkg string) string {
	if d, ok := l.divert[name]; ok && d.by != pkg {
		return d.to
	}
	return name
}
