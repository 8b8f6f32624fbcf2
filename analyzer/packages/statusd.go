package packages

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// StatusRecord is a package of an image without dpkg: a file of var/lib/dpkg/status.d with one stanza.
type StatusRecord struct {
	Name    string // of the package
	Version string
	Arch    string
	Path    string // physical path of the file; its checksums are in Path + ".md5sums"
	Text    []byte
	Sums    []string // paths in the list of checksums, as written
}

// StatusRecords reads var/lib/dpkg/status.d, sorted by the names of the files. An error is a record that is damaged.
func StatusRecords(root layers.RootFS) ([]StatusRecord, error) {
	l := &loader{root: root, db: &DB{}}
	dir, entries, err := l.readDir("/var/lib/dpkg/status.d")
	if err != nil {
		return nil, err
	}
	var records []StatusRecord
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".md5sums") {
			continue
		}
		r := StatusRecord{Path: dir + "/" + entry.Name()}
		if r.Text, err = l.records("/"+r.Path, maxList); err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(r.Text)) == 0 {
			continue
		}
		count := 0
		for s := range stanzas(r.Text) {
			count++
			r.Version = s.value("Version")
			r.Name, r.Arch, _ = s.packageName()
		}
		if count != 1 || r.Name == "" || r.Version == "" {
			return nil, fmt.Errorf("%q is not the record of one package", r.Path)
		}
		if r.Sums, err = l.sumsOf(r.Path); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	if len(l.db.incomplete) > 0 {
		return nil, fmt.Errorf("%s", l.db.incomplete[0])
	}
	return records, nil
}

// sumsOf lists the paths of the checksums of a record; a package without files may have none.
func (l *loader) sumsOf(record string) ([]string, error) {
	if where, _ := l.find("/"+record+".md5sums", fs.FileMode.IsRegular); where == "" {
		return nil, nil
	}
	data, err := l.records("/"+record+".md5sums", maxList)
	var names []string
	for _, sum := range md5sums(data) {
		names = append(names, sum.name)
	}
	return names, err
}

// DpkgStatus makes dpkg's status file of records: every package is installed as a whole. An image without dpkg may lack what its packages
// depend on, with which a package manager changes nothing. The status therefore also has the missing packages, whose names are
// returned, in a version that satisfies the dependency.
func DpkgStatus(records []StatusRecord, arch string) (status []byte, standIns []string) {
	var out bytes.Buffer
	have := map[string]bool{}
	var needed []stanza
	for _, r := range records {
		for s := range stanzas(r.Text) {
			for _, field := range s {
				if !field.is("Status") {
					out.Write(append(bytes.TrimSuffix(field.text, []byte("\n")), '\n'))
				}
			}
			out.WriteString("Status: install ok installed\n\n")
			have[r.Name] = true
			for _, names := range relations(s.value("Provides")) {
				for _, name := range names {
					have[name] = true
				}
			}
			needed = append(needed, s)
		}
	}
	for _, s := range needed {
		for _, item := range strings.Split(s.value("Pre-Depends")+","+s.value("Depends"), ",") {
			names := slices.Concat(relations(item)...)
			if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return have[name] }) {
				continue
			}
			have[names[0]] = true
			standIns = append(standIns, names[0])
			first, _, _ := strings.Cut(item, "|")
			fmt.Fprintf(&out, "Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: foreign\nVersion: %s\n"+
				"Maintainer: none\nDescription: not in the image\n\n", names[0], arch, satisfying(first))
		}
	}
	slices.Sort(standIns)
	return out.Bytes(), standIns
}

// satisfying is a version that satisfies one relation, "NAME (OPERATOR VERSION)" (deb-control(5), Depends).
func satisfying(relation string) string {
	const high = "9999:0"
	_, condition, found := strings.Cut(relation, "(")
	if !found {
		return high
	}
	condition, _, _ = strings.Cut(condition, ")")
	operator := condition[:len(condition)-len(strings.TrimLeft(condition, "<>= "))]
	version := strings.TrimSpace(condition[len(operator):])
	switch strings.TrimSpace(operator) {
	case "=", "<=":
		return version
	case "<<":
		return version + "~"
	}
	return high
}
