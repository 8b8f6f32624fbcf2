package packages_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slimimage/slim/analyzer/packages"
)

// record is a stanza of dpkg's status file.
func record(name string) string {
	return "Package: " + name + "\nStatus: install ok installed\nVersion: 1\n\n"
}

// TestAttackHidePackages hides packages from whoever asks for them: the database says that it does not know all.
func TestAttackHidePackages(t *testing.T) {
	var many strings.Builder
	for i := range 20_001 {
		many.WriteString(record(fmt.Sprint("p", i)))
	}
	regular := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	}
	pipe := &fstest.MapFile{Mode: fs.ModeNamedPipe | 0o644}
	const status = "var/lib/dpkg/status"
	for _, test := range []struct {
		name string
		root fstest.MapFS
		want string // part of a reason; "" where the database is complete
	}{
		{"no database", fstest.MapFS{"app": regular("")}, ""},
		{"a database", fstest.MapFS{status: regular(record("a"))}, ""},
		{"a link to one", fstest.MapFS{status: link("../real"), "var/lib/real": regular(record("a"))}, ""},
		{"merged /usr without apk", fstest.MapFS{"lib": link("usr/lib"), "usr/lib/x": regular("")}, ""},
		{"as many packages as are read", fstest.MapFS{status: regular(strings.TrimSuffix(many.String(), record("p20000")))}, ""},
		{"one more", fstest.MapFS{status: regular(many.String())}, "more than 20000 packages"},
		{"one more of apk", fstest.MapFS{"lib/apk/db/installed": regular(strings.ReplaceAll(many.String(), "Package", "P"))},
			"more than 20000 packages"},
		{"over the bound", fstest.MapFS{status: &fstest.MapFile{Data: append([]byte(record("a")),
			bytes.Repeat([]byte(" \n"), packages.MaxDatabase/2)...), Mode: 0o644}}, "larger than"},
		{"a named pipe", fstest.MapFS{status: pipe}, "a named pipe"},
		{"a device", fstest.MapFS{status: &fstest.MapFile{Mode: fs.ModeDevice | 0o666}}, "a device or socket"},
		{"a directory", fstest.MapFS{status + "/x": regular("")}, "a directory"},
		{"a link to itself", fstest.MapFS{status: link("status")}, "not reachable"},
		{"a link to nothing", fstest.MapFS{status: link("gone")}, "a link to nothing"},
		{"a folder that is a link to itself", fstest.MapFS{"var/lib/dpkg": link("dpkg")}, "not reachable"},
		{"a folder that is a link to nothing", fstest.MapFS{"var/lib/dpkg": link("/gone")}, "a link to nothing"},
		{"a folder that is a named pipe", fstest.MapFS{"var/lib/dpkg": pipe}, "not reachable"},
		{"apk's is a named pipe", fstest.MapFS{"lib/apk/db/installed": pipe}, "a named pipe"},
		{"rpm's is a named pipe", fstest.MapFS{"var/lib/rpm/rpmdb.sqlite": pipe}, "a named pipe"},
		{"rpm's is no database", fstest.MapFS{"var/lib/rpm/rpmdb.sqlite": regular("SQLite format 3 of a kind")}, "some packages are not known"},
		{"status.d is a file", fstest.MapFS{"var/lib/dpkg/status.d": regular("")}, "a file"},
		{"a record is a named pipe", fstest.MapFS{"var/lib/dpkg/status.d/a": pipe}, "a named pipe"},
		{"a list of files is a named pipe", fstest.MapFS{status: regular(record("a")), "var/lib/dpkg/info/a.list": pipe}, "a named pipe"},
		{"a name that names no file", fstest.MapFS{status: regular(record("a/b"))}, "without the name"},
		{"a record of apk without a name", fstest.MapFS{"lib/apk/db/installed": regular("V:1\n\n")}, "without the name"},
		{"a path that is too long", fstest.MapFS{status: regular(record("a")),
			"var/lib/dpkg/info/a.list": regular("/" + strings.Repeat("a/", 3000))}, "too long a path"},
	} {
		reasons := strings.Join(load(t, test.root).Incomplete(), "; ")
		if test.want == "" && reasons != "" || !strings.Contains(reasons, test.want) {
			t.Errorf("%s: Incomplete() = %q, want %q", test.name, reasons, test.want)
		}
	}
}
