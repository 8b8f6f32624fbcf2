package packages

import (
	"bytes"
	"strings"
)

// apk reads apk's database (apk-tools, apk(5) "installed database"): one-letter fields, one stanza a package. Newer
// distributions have it below /usr.
func (l *loader) apk() error {
	seen := map[string]bool{}
	for _, name := range []string{"/usr/lib/apk/db/installed", "/lib/apk/db/installed"} {
		if where := l.physical(name); where == "" || seen[where] {
			continue
		} else {
			seen[where] = true
		}
		data, err := l.read(name, maxDatabase)
		if err != nil {
			return err
		}
		for _, pkg := range parseApk(data) {
			l.add(pkg)
		}
	}
	return nil
}

// parseApk reads the installed database.
func parseApk(data []byte) []*Package {
	var pkgs []*Package
	pkg, dir := &Package{Type: "apk"}, ""
	end := func() {
		if pkg.Name != "" {
			pkgs = append(pkgs, pkg)
		}
		pkg, dir = &Package{Type: "apk"}, ""
	}
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			end()
			if len(pkgs) > maxPackages {
				return pkgs
			}
			continue
		}
		field, value, ok := strings.Cut(text, ":")
		if !ok || len(value) > maxPath && (field == "F" || field == "R") {
			continue
		}
		switch field {
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
			// What apk's default protected_paths names (apk-tools src/database.c) is kept when the administrator changed it.
			pkg.list(apkPath(dir, value), dir == "etc" || strings.HasPrefix(dir, "etc/"))
		}
	}
	end()
	return pkgs
}

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
