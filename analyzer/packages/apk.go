package packages

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
)

// apkDatabases are where apk keeps its database. Newer distributions have it below /usr.
var apkDatabases = []string{"/usr/lib/apk/db/installed", "/lib/apk/db/installed"}

// apk reads apk's database (apk-tools, apk-package(5), "installed database"): one-letter fields, one stanza a package.
func (l *loader) apk() error {
	seen := map[string]bool{}
	for _, name := range apkDatabases {
		where := l.physical(name)
		if where != "" && seen[where] {
			continue
		}
		seen[where] = true
		data, err := l.records(name, MaxDatabase)
		if err != nil {
			return err
		}
		for stanza := range apkStanzas(data) {
			pkg := apkPackage(stanza)
			if pkg.Name == "" {
				l.db.lose(fmt.Sprintf("%q has a record without the name of a package", name))
				continue
			}
			if l.full() {
				break
			}
			l.add(pkg)
		}
	}
	return nil
}

// apkStanzas splits the installed database at empty lines; the last newline of a stanza is not in it.
func apkStanzas(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			stanza, rest, _ := bytes.Cut(data, []byte("\n\n"))
			data = rest
			if stanza = bytes.Trim(stanza, "\n"); len(stanza) > 0 && !yield(stanza) {
				return
			}
		}
	}
}

// apkLine is a line of a stanza.
type apkLine struct {
	text         string // whole
	field, value string // the letter and what is behind the colon
}

// apkLines are the lines of a stanza; field is "" of one without a colon.
func apkLines(stanza []byte) iter.Seq[apkLine] {
	return func(yield func(apkLine) bool) {
		for line := range bytes.Lines(stanza) {
			text := strings.TrimSuffix(string(line), "\n")
			field, value, ok := strings.Cut(strings.TrimRight(text, "\r"), ":")
			if !ok {
				field = ""
			}
			if !yield(apkLine{text, field, value}) {
				return
			}
		}
	}
}

// apkPackage reads a stanza; its name is "" where it is not one of a package.
func apkPackage(stanza []byte) *Package {
	pkg, dir := &Package{Type: "apk"}, ""
	for line := range apkLines(stanza) {
		value := line.value
		switch line.field {
		case "P":
			pkg.Name = value
		case "V":
			pkg.Version = value
		case "A":
			pkg.Arch = value
		case "o":
			pkg.Source = value
		case "m":
			pkg.Maintainer = value
		case "L":
			pkg.License = value
		case "U":
			pkg.Homepage = value
		case "D":
			for _, name := range apkNames(value) {
				pkg.requires = append(pkg.requires, []string{name})
			}
		case "p":
			pkg.Provides = apkNames(value)
		case "F":
			dir = value
		case "R":
			pkg.list(apkPath(dir, value), apkProtected(dir))
		}
	}
	return pkg
}

// apkProtected says whether files of a directory stay as the administrator changed them: the default protected_paths (apk-tools,
// src/database.c).
func apkProtected(dir string) bool { return dir == "etc" || strings.HasPrefix(dir, "etc/") }

func apkPath(dir, name string) string {
	if dir == "" {
		return "/" + name
	}
	return "/" + dir + "/" + name
}

// apkNames are the names of a dependency list: without versions, conflicts ("!name") left out. "so:", "cmd:" and "pc:" names
// stay as they are: packages provide them.
func apkNames(list string) []string {
	var names []string
	for _, word := range strings.Fields(list) {
		if strings.HasPrefix(word, "!") {
			continue
		}
		if end := strings.IndexAny(word, "=<>~@"); end >= 0 {
			word = word[:end]
		}
		if word != "" {
			names = append(names, word)
		}
	}
	return names
}
