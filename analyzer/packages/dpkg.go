package packages

import (
	"bytes"
	"path"
	"strings"
)

// diversion is where dpkg-divert moved a path, and the package that may still use it.
type diversion struct{ to, by string }

// dpkg reads dpkg's database: the status file and each package's list of files (dpkg-query(1), deb-control(5)).
func (l *loader) dpkg() error {
	status, err := l.read("/var/lib/dpkg/status", maxDatabase)
	if err != nil || status == nil {
		return err
	}
	if err := l.diversions(); err != nil {
		return err
	}
	for _, stanza := range parseStanzas(status) {
		pkg, ok := debPackage(stanza)
		if !ok {
			continue
		}
		// A package that may be installed for several architectures has it in the name of its files.
		for _, name := range []string{pkg.Name + ":" + pkg.Arch, pkg.Name} {
			list, err := l.read("/var/lib/dpkg/info/"+name+".list", maxList)
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
	dir, entries, err := l.readDir("/var/lib/dpkg/status.d")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".md5sums") {
			continue
		}
		data, err := l.read("/"+dir+"/"+entry.Name(), maxList)
		if err != nil {
			return err
		}
		sums, err := l.read("/"+dir+"/"+entry.Name()+".md5sums", maxList)
		if err != nil {
			return err
		}
		for _, stanza := range parseStanzas(data) {
			if pkg, ok := debPackage(stanza); ok {
				listSums(pkg, sums)
				l.add(pkg)
			}
		}
	}
	return nil
}

// parseStanzas splits deb822 text into stanzas: field names in lower case, continued lines joined by newlines.
func parseStanzas(data []byte) []map[string]string {
	var stanzas []map[string]string
	stanza, field := map[string]string{}, ""
	var value []string // lines of the field
	endField := func() {
		if field != "" {
			stanza[field] = strings.Join(value, "\n")
		}
		field, value = "", nil
	}
	end := func() {
		endField()
		if len(stanza) > 0 {
			stanzas = append(stanzas, stanza)
		}
		stanza = map[string]string{}
	}
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case strings.TrimSpace(text) == "":
			end()
			if len(stanzas) > maxPackages {
				return stanzas
			}
		case text[0] == ' ' || text[0] == '\t':
			if field != "" && len(value) < maxPackages {
				value = append(value, strings.TrimSpace(text))
			}
		default:
			endField()
			if name, first, ok := strings.Cut(text, ":"); ok && wanted[strings.ToLower(name)] {
				field, value = strings.ToLower(name), []string{strings.TrimSpace(first)}
			}
		}
	}
	end()
	return stanzas
}

// wanted are the fields that matter; the others are not kept.
var wanted = map[string]bool{
	"package": true, "status": true, "version": true, "architecture": true, "source": true, "depends": true, "pre-depends": true,
	"provides": true, "conffiles": true, "essential": true, "protected": true, "maintainer": true, "homepage": true,
}

// debPackage reads a stanza; ok is false for one without a usable name and for a package whose files are not there.
func debPackage(stanza map[string]string) (pkg *Package, ok bool) {
	name := stanza["package"]
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || strings.ContainsAny(stanza["architecture"],
		"/\x00") {
		return nil, false
	}
	if status := strings.Fields(stanza["status"]); len(status) == 3 && (status[2] == "not-installed" || status[2] == "config-files") {
		return nil, false
	}
	source, sourceVersion, _ := strings.Cut(stanza["source"], " ")
	pkg = &Package{
		Type: "deb", Name: name, Version: stanza["version"], Arch: stanza["architecture"], Source: source,
		Essential: stanza["essential"] == "yes" || stanza["protected"] == "yes",
		requires:  append(relations(stanza["pre-depends"]), relations(stanza["depends"])...),

		SourceVersion: strings.Trim(sourceVersion, " ()"), Maintainer: stanza["maintainer"], Homepage: stanza["homepage"],
	}
	for _, provided := range relations(stanza["provides"]) {
		pkg.Provides = append(pkg.Provides, provided...)
	}
	for line := range strings.Lines(stanza["conffiles"]) {
		if where, rest, _ := strings.Cut(strings.TrimSpace(line), " "); where != "" && !strings.Contains(rest, "obsolete") &&
			len(pkg.conffile) < maxPackages {
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

// listSums adds the paths of an md5sums file: "SUM  PATH", PATH without leading slash.
func listSums(pkg *Package, data []byte) {
	for line := range bytes.Lines(data) {
		if _, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "  "); ok && name != "" {
			pkg.list(path.Clean("/"+name), false)
		}
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
