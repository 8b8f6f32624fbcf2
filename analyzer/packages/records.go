package packages

import (
	"bytes"
	"iter"
	"path"
	"strings"
)

// Format is how a file that Load read is to be rewritten when only some packages are kept.
type Format int

// The formats. Files outside a database of packages, such as lists of files, have FormatNone.
const (
	FormatNone       Format = iota
	FormatDpkg              // dpkg's status file: DpkgRecords
	FormatDistroless        // a file of var/lib/dpkg/status.d: PackageNames, FilterSums
	FormatApk               // apk's installed database: FilterApk
	FormatRpm               // rpm's database of the SQLite kind: FilterRpm
	FormatRpmOld            // rpm's other databases: they cannot be rewritten
)

// FormatOf is the format of a physical path that DB.Databases lists.
func FormatOf(name string) Format {
	dir, base := path.Split(name)
	switch {
	case name == "var/lib/dpkg/status":
		return FormatDpkg
	case strings.HasSuffix(dir, "status.d/"):
		return FormatDistroless
	case strings.HasSuffix(name, "apk/db/installed"):
		return FormatApk
	case base == "rpmdb.sqlite":
		return FormatRpm
	case base == "Packages" || base == "Packages.db":
		return FormatRpmOld
	}
	return FormatNone
}

// DpkgRecord is a package in the form of images without dpkg: one file a package in var/lib/dpkg/status.d
// (PACKAGE_METADATA.md of GoogleContainerTools/distroless).
type DpkgRecord struct {
	Name string
	Text []byte   // without Status and Conffiles, which only dpkg itself reads
	Sums []string // paths of the files that may hold its checksums
}

// DpkgRecords reads dpkg's status file. Stanzas whose package cannot name a file are left out.
func DpkgRecords(status []byte) iter.Seq[DpkgRecord] {
	return func(yield func(DpkgRecord) bool) {
		for s := range stanzas(status) {
			name, arch, ok := s.packageName()
			if !ok {
				continue
			}
			var text bytes.Buffer
			for _, field := range s {
				if !field.is("Status") && !field.is("Conffiles") {
					text.Write(bytes.TrimSuffix(field.text, []byte("\n")))
					text.WriteByte('\n')
				}
			}
			if !yield(DpkgRecord{name, text.Bytes(), infoFiles(name, arch, ".md5sums")}) {
				return
			}
		}
	}
}

// PackageNames lists the packages of a file of var/lib/dpkg/status.d.
func PackageNames(record []byte) []string {
	var names []string
	for s := range stanzas(record) {
		if name, _, ok := s.packageName(); ok {
			names = append(names, name)
		}
	}
	return names
}

// md5sum is a line of a list of checksums, as md5sum(1) writes it: the digest, a space, a space or "*", and the path.
type md5sum struct{ digest, name string }

// md5sums reads a list of checksums: each line and what it says.
func md5sums(data []byte) iter.Seq2[[]byte, md5sum] {
	return func(yield func([]byte, md5sum) bool) {
		for line := range bytes.Lines(data) {
			digest, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
			if !ok || len(name) < 2 || name[0] != ' ' && name[0] != '*' {
				continue
			}
			if !yield(line, md5sum{digest, name[1:]}) {
				return
			}
		}
	}
}

// FilterSums is a package's list of checksums with only the files, by path without leading slash, that keep wants.
func FilterSums(data []byte, keep func(name string) bool) []byte {
	var out []byte
	for line, sum := range md5sums(data) {
		if keep(sum.name) {
			out = append(append(out, bytes.TrimSuffix(line, []byte("\n"))...), '\n')
		}
	}
	return out
}

// FilterApk is apk's installed database with only the files that keep wants, and only the packages of which a file is kept.
func FilterApk(database []byte, keep func(dir, name string) bool) []byte {
	var out bytes.Buffer
	for stanza := range apkStanzas(database) {
		if text, files := filterApkStanza(stanza, keep); files > 0 {
			out.WriteString(text + "\n\n")
		}
	}
	return out.Bytes()
}

// filterApkStanza drops the F:, R:, a:, M: and Z: lines of files that are not kept.
func filterApkStanza(stanza []byte, keep func(dir, name string) bool) (text string, files int) {
	var lines, folder []string
	dir, kept := "", true
	flush := func() {
		if len(folder) > 1 {
			lines = append(lines, folder...)
		}
		folder = nil
	}
	for line := range apkLines(stanza) {
		switch line.field {
		case "F":
			flush()
			dir, kept = line.value, true
			folder = []string{line.text}
		case "R":
			if kept = keep(dir, line.value); kept {
				files++
				folder = append(folder, line.text)
			}
		case "M", "a", "Z":
			if kept && folder != nil {
				folder = append(folder, line.text)
			}
		default:
			lines = append(lines, line.text)
		}
	}
	flush()
	return strings.Join(lines, "\n"), files
}
