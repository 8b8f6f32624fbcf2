package packages_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"github.com/slimimage/slim/analyzer/packages"
)

// tree makes a root of a txtar archive; a file named "PATH -> TARGET" is a symlink, one ending in "/" a directory.
func tree(archive string) fstest.MapFS {
	root := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name, target, link := strings.Cut(f.Name, " -> ")
		switch {
		case link:
			root[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
		case strings.HasSuffix(name, "/"):
			root[strings.TrimSuffix(name, "/")] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		default:
			root[name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
		}
	}
	return root
}

func load(t *testing.T, root fstest.MapFS) *packages.DB {
	t.Helper()
	db, err := packages.Load(root)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return db
}

var ignore = cmp.Options{cmpopts.IgnoreUnexported(packages.Package{}), cmpopts.IgnoreFields(packages.Package{}, "Asked")}

const debian = `
-- bin -> usr/bin --
-- lib -> usr/lib --
-- var/lib/dpkg/status --
Package: mawk
Status: install ok installed
Essential: yes
Architecture: amd64
Version: 1.3.4-1
Pre-Depends: libc6 (>= 2.34)
Provides: awk, fast-awk (= 2)

Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36-9)
Version: 2.36-9+deb12u1
Depends: nothing | awk, libgone:any (>> 1) | mawk
Conffiles:
 /etc/ld.so.conf.d/x.conf 4317c6de8564b68d628c21efa96b37e4
 /etc/gone.conf 0123 obsolete
Description: no continued line
 may look like a field
 Package: trap

Package: dash
Status: install ok half-configured
Architecture: amd64
Version: 0.5

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5

Package: removed
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: ../../evil
Status: install ok installed
Version: 1
-- var/lib/dpkg/info/mawk.list --
/.
/usr
/usr/bin
/usr/bin/mawk
-- var/lib/dpkg/info/libc6:amd64.list --
/.
/etc
/etc/ld.so.conf.d
/etc/ld.so.conf.d/x.conf
/lib
/lib/x86_64-linux-gnu
/lib/x86_64-linux-gnu/libc.so.6
/usr/share/doc/libc6/changelog.gz
/usr/share/doc/libc6/copyright
-- var/lib/dpkg/info/dash.list --
/bin
/bin/sh
-- var/lib/dpkg/info/bash.list --
/bin
/bin/bash
/bin/sh
/usr/../../../../etc/shadow
-- var/lib/dpkg/diversions --
/bin/sh
/bin/sh.distrib
dash
-- var/lib/dpkg/alternatives/awk --
auto
/usr/bin/awk
nawk
/usr/bin/nawk

/usr/bin/mawk
5
/usr/bin/mawk
-- etc/alternatives/awk -> /usr/bin/mawk --
-- etc/alternatives/nawk -> /usr/bin/mawk --
-- etc/alternatives/pager -> /bin/mawk --
-- usr/bin/awk -> /etc/alternatives/awk --
-- usr/bin/nawk -> /opt/nawk --
-- opt/nawk --
-- usr/bin/mawk --
-- usr/bin/bash --
-- usr/bin/sh --
-- usr/bin/sh.distrib --
-- usr/lib/x86_64-linux-gnu/libc.so.6 -> libc-2.36.so --
-- usr/share/doc/libc6/copyright --
-- etc/ld.so.conf.d/x.conf --
-- var/lib/ucf/registry --
mawk /etc/mawkrc
-- etc/mawkrc --
-- app/main --
`

func TestLoadDpkg(t *testing.T) {
	db := load(t, tree(debian))
	want := []*packages.Package{
		{Type: "deb", Name: "bash", Version: "5", Arch: "amd64", Source: "bash", Files: []string{"usr/bin/bash", "usr/bin/sh.distrib"}},
		{Type: "deb", Name: "dash", Version: "0.5", Arch: "amd64", Source: "dash", Files: []string{"usr/bin/sh"}},
		{
			Type: "deb", Name: "libc6", Version: "2.36-9+deb12u1", Arch: "amd64", Source: "glibc", SourceVersion: "2.36-9",
			Files:     []string{"etc/ld.so.conf.d/x.conf", "usr/lib/x86_64-linux-gnu/libc.so.6", "usr/share/doc/libc6/copyright"},
			Conffiles: []string{"etc/ld.so.conf.d/x.conf"}, Depends: []string{"mawk"},
		},
		{
			Type: "deb", Name: "mawk", Version: "1.3.4-1", Arch: "amd64", Source: "mawk", Essential: true,
			Files:     []string{"etc/mawkrc", "usr/bin/mawk"},
			Conffiles: []string{"etc/mawkrc"}, Depends: []string{"libc6"}, Provides: []string{"awk", "fast-awk"},
		},
	}
	if diff := cmp.Diff(want, db.Packages(), ignore); diff != "" {
		t.Errorf("Packages (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"usr/bin/awk": "mawk", "etc/alternatives/awk": "mawk", "etc/alternatives/pager": "mawk", "usr/bin/sh": "dash",
		"usr/bin/sh.distrib": "bash",
		"usr/bin/nawk":       "", "bin": "", "lib": "", "usr/bin": "", "app/main": "", "etc/shadow": "", "usr/share/doc/libc6/changelog.gz": "",
	} {
		if got := owner(db, name); got != want {
			t.Errorf("Owner(%q) = %q, want %q", name, got, want)
		}
	}
	alternatives := []packages.Alternative{{Link: "usr/bin/awk", Name: "etc/alternatives/awk", Target: "usr/bin/mawk"}}
	if diff := cmp.Diff(alternatives, db.Alternatives()); diff != "" {
		t.Errorf("Alternatives (-want +got):\n%s", diff)
	}
	evil := []string{`"/var/lib/dpkg/status" has a record without the name of a package`}
	if diff := cmp.Diff(evil, db.Warnings()); diff != "" {
		t.Errorf("Warnings (-want +got):\n%s", diff)
	}
}

func owner(db *packages.DB, name string) string {
	if pkg, ok := db.Owner(name); ok {
		return pkg.Name
	}
	return ""
}

func TestLoadDistroless(t *testing.T) {
	db := load(t, tree(`
-- var/lib/dpkg/status.d/base --
Package: base-files
Version: 12.4
Architecture: amd64
-- var/lib/dpkg/status.d/base.md5sums --
0123456789abcdef0123456789abcdef  usr/lib/os-release
0123456789abcdef0123456789abcdef  usr/share/doc/two  spaces
not a line
-- usr/lib/os-release --
-- usr/share/doc/two  spaces --
`))
	want := []*packages.Package{{
		Type: "deb", Name: "base-files", Version: "12.4", Arch: "amd64", Source: "base-files",
		Files: []string{"usr/lib/os-release", "usr/share/doc/two  spaces"},
	}}
	if diff := cmp.Diff(want, db.Packages(), ignore); diff != "" {
		t.Errorf("Packages (-want +got):\n%s", diff)
	}
}

func TestLoadApk(t *testing.T) {
	root := tree(`
-- lib/apk/db/installed --
C:Q1abc=
P:musl
V:1.2.4-r2
A:x86_64
o:musl
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1def=
F:etc
R:motd

P:busybox
V:1.36.1-r5
A:x86_64
D:so:libc.musl-x86_64.so.1 musl>=1.2 !uclibc /lib/ld-musl-x86_64.so.1
F:
R:top
F:bin
R:busybox
-- lib/ld-musl-x86_64.so.1 --
-- lib/libc.musl-x86_64.so.1 -> ld-musl-x86_64.so.1 --
-- lib/libz.so.1 -> libz.so.1.2 --
-- lib/libz.so.1.2 --
-- etc/motd --
-- top --
-- bin/busybox --
-- bin/ls -> /bin/busybox --
-- usr/bin/env -> ../../bin/busybox --
-- bin/tool -> /opt/tool --
-- opt/tool --
`)
	db := load(t, root)
	want := []*packages.Package{
		{
			Type: "apk", Name: "busybox", Version: "1.36.1-r5", Arch: "x86_64", Source: "busybox",
			Files: []string{"bin/busybox", "bin/ls", "top", "usr/bin/env"}, Depends: []string{"musl"},
		},
		{
			Type: "apk", Name: "musl", Version: "1.2.4-r2", Arch: "x86_64", Source: "musl",
			Files:     []string{"etc/motd", "lib/ld-musl-x86_64.so.1", "lib/libc.musl-x86_64.so.1"},
			Conffiles: []string{"etc/motd"}, Provides: []string{"so:libc.musl-x86_64.so.1"},
		},
	}
	if diff := cmp.Diff(want, db.Packages(), ignore); diff != "" {
		t.Errorf("Packages (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"bin/ls": "busybox", "usr/bin/env": "busybox", "bin/tool": "", "lib/libz.so.1": ""} {
		if got := owner(db, name); got != want {
			t.Errorf("Owner(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLoadNothing(t *testing.T) {
	db := load(t, tree("-- etc/passwd --\n-- var/lib/dpkg/status/ --\n"))
	if len(db.Packages()) != 0 {
		t.Errorf("Packages = %v", db.Packages())
	}
	if by, ok := db.Generated("etc/passwd"); ok {
		t.Errorf("Generated(etc/passwd) = %q: a root without packages is all the application's", by)
	}
}

func TestGenerated(t *testing.T) {
	db := load(t, tree(`
-- var/lib/dpkg/status --
Package: python3-six
Status: install ok installed
Architecture: all
Version: 1
-- var/lib/dpkg/info/python3-six.list --
/usr/lib/python3/dist-packages/six.py
-- usr/lib/python3/dist-packages/six.py --
-- app/main.py --
`))
	for name, want := range map[string]string{
		"usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc": "python3-six",
		"usr/lib/python3/dist-packages/six.pyc":                         "python3-six",
		"app/__pycache__/main.cpython-311.pyc":                          "",
		"var/lib/dpkg/info/x.list":                                      "dpkg",
		"var/lib/dpkg":                                                  "",
		"etc/passwd-":                                                   "base-passwd",
		"etc/ssl/certs/0a1b2c3d.0":                                      "ca-certificates",
		"etc/ssl/certs/mine.txt":                                        "",
		"etc/systemd/system/multi-user.target.wants/a.service":          "systemd",
		"usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache":            "libc",
		"usr/lib/gconv/gconv-modules.cache":                             "libc",
		"usr/local/bin/tool":                                            "",
		"opt/var/lib/dpkg/status":                                       "",
		".":                                                             "",
	} {
		if got, ok := db.Generated(name); got != want || ok != (want != "") {
			t.Errorf("Generated(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
}

func FuzzDpkgStatus(f *testing.F) {
	f.Add([]byte("Package: a\nStatus: install ok installed\nDepends: b (>= 1) | c, d\nConffiles:\n /etc/x 0\n"),
		[]byte("/.\n/etc/x\n/../../x\n"))
	f.Add([]byte(" continued\n\n:\nPackage:\n"), []byte("\x00/\n/\xff\n"))
	f.Fuzz(func(t *testing.T, status, list []byte) {
		root := tree("-- etc/x --\n-- usr/lib -> /etc --\n")
		root["var/lib/dpkg/status"] = &fstest.MapFile{Data: status}
		root["var/lib/dpkg/diversions"] = &fstest.MapFile{Data: list}
		root["var/lib/dpkg/info/a.list"] = &fstest.MapFile{Data: list}
		root["var/lib/dpkg/alternatives/x"] = &fstest.MapFile{Data: list}
		check(t, root)
	})
}

func FuzzApkInstalled(f *testing.F) {
	f.Add([]byte("P:a\nV:1\nD:b !c so:d=1\np:so:x\nF:etc\nR:x\n\n"))
	f.Add([]byte("F:../..\nR:../x\nP:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		root := tree("-- etc/x --\n")
		root["lib/apk/db/installed"] = &fstest.MapFile{Data: data}
		check(t, root)
	})
}

// check loads a hostile root and holds what must be true of every DB.
func check(t *testing.T, root fstest.MapFS) {
	db := load(t, root)
	for _, pkg := range db.Packages() {
		for _, name := range pkg.Files {
			if !fs.ValidPath(name) && strings.ToValidUTF8(name, "") == name {
				t.Fatalf("%s has file %q", pkg.Name, name)
			}
		}
	}
}
