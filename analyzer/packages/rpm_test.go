package packages_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/packages/rpmdb/rpmtest"
)

// rpmHeader makes a package's header with a program, a setting and many more files.
func rpmHeader(name string, many int) []byte {
	files := []string{"/usr/bin/", "/usr/bin/tool", "/etc/x.conf"}
	for i := range many {
		files = append(files, fmt.Sprint("/etc/pad", i))
	}
	return rpmtest.Header(name, files...)
}

func TestLoadRpm(t *testing.T) {
	headers := [][]byte{rpmHeader("second", 0), rpmHeader("gpg-pubkey", 0), rpmHeader("first", 300)}
	for where, data := range map[string][]byte{
		"var/lib/rpm/rpmdb.sqlite": rpmtest.SQLite(headers...), "usr/lib/sysimage/rpm/rpmdb.sqlite": rpmtest.SQLite(headers...),
		"usr/lib/sysimage/rpm/Packages.db": rpmtest.NDB(headers...), "var/lib/rpm/Packages": rpmtest.BDB(headers...),
	} {
		t.Run(where, func(t *testing.T) {
			root := tree("-- usr/bin/tool --\n-- etc/x.conf --\n-- etc/pad299 --\n")
			root[where] = &fstest.MapFile{Data: data}
			db := load(t, root)
			pkg := func(name string, files ...string) *packages.Package {
				return &packages.Package{
					Type: "rpm", Name: name, Version: "1:1.2-3.el9", Arch: "x86_64", Source: "src-of-it", Files: files,
					Conffiles: []string{"etc/x.conf"}, Provides: []string{"virtual"},
					Unmet: []string{"(a or b)"}, Maintainer: "Rocky Enterprise Software Foundation",
				}
			}
			want := []*packages.Package{pkg("first", "etc/pad299", "etc/x.conf", "usr/bin/tool"), pkg("second", "etc/x.conf", "usr/bin/tool")}
			want[0].Depends = []string{"second"} // the owner of /usr/bin/tool: the first one in the database
			if diff := cmp.Diff(want, db.Packages(), ignore); diff != "" {
				t.Errorf("Packages (-want +got):\n%s", diff)
			}
			if len(db.Warnings()) > 0 {
				t.Errorf("Warnings = %q", db.Warnings())
			}
			if diff := cmp.Diff([]string{where}, db.Databases()); diff != "" {
				t.Errorf("Databases (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadRpmDamaged(t *testing.T) {
	good := rpmtest.SQLite(rpmHeader("a", 300), rpmHeader("b", 0))
	loop := append([]byte(nil), good...)
	binary.BigEndian.PutUint32(loop[512+8:], 2) // the interior page is its own child
	for name, data := range map[string][]byte{"garbage": []byte("x"), "cut": good[:2048], "loop": loop} {
		t.Run(name, func(t *testing.T) {
			root := tree("-- usr/bin/tool --\n")
			root["var/lib/rpm/rpmdb.sqlite"] = &fstest.MapFile{Data: data}
			if db := load(t, root); len(db.Warnings()) == 0 {
				t.Error("no warning")
			}
		})
	}
}

func FuzzRpm(f *testing.F) {
	for _, many := range []int{0, 40} {
		f.Add(rpmtest.SQLite(rpmHeader("a", many), rpmHeader("b", 0)))
		f.Add(rpmtest.NDB(rpmHeader("a", many)))
		f.Add(rpmtest.BDB(rpmHeader("a", many)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		for _, where := range []string{"var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"} {
			root := tree("-- usr/bin/tool --\n-- etc/x.conf --\n")
			root[where] = &fstest.MapFile{Data: data}
			check(t, root)
		}
	})
}
