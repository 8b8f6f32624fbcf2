package packages_test

import (
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/packages/rpmdb/rpmtest"
)

// askedDebian has a base system (libc6, perl through usrmerge), an interpreter with a plug-in that was asked for, and one that came along.
const askedDebian = `
-- var/lib/dpkg/status --
Package: libc6
Status: install ok installed
Priority: optional
Version: 1

Package: base-files
Status: install ok installed
Essential: yes
Priority: required
Pre-Depends: usrmerge | usr-is-merged
Version: 1

Package: usrmerge
Status: install ok installed
Priority: optional
Depends: perl
Version: 1

Package: perl
Status: install ok installed
Priority: standard
Depends: libc6
Version: 1

Package: apt
Status: install ok installed
Priority: important
Version: 1

Package: php8.2-cli
Status: install ok installed
Priority: optional
Version: 1
Suggests: php-pear, phpapi-1

Package: php8.2-mysql
Status: install ok installed
Priority: optional
Depends: php-common
Enhances: php8.2-cli
Provides: phpapi-1
Version: 1

Package: php-common
Status: install ok installed
Priority: optional
Version: 1
`

const askedStates = `
-- var/lib/apt/extended_states --
Package: php8.2-cli
Architecture: amd64
Auto-Installed: 1

Package: php-common
Architecture: amd64
Auto-Installed: 1

Package: php8.2-mysql
Architecture: amd64
Auto-Installed: 0
`

const askedAlpine = `
-- lib/apk/db/installed --
P:busybox
V:1

P:python3
V:1
p:py3 cmd:python3=1

P:py3-lxml
V:1
D:python3 libxml2

P:libxml2
V:1

P:libpq
V:1
p:so:libpq.so.5=5

P:.run-deps
V:1
D:so:libpq.so.5

-- etc/apk/world --
busybox
cmd:python3
py3-lxml>=1
!nothing
.run-deps
`

const askedZypper = `
-- var/lib/zypp/AutoInstalled --
# comment
first
`

const askedDnf5 = `
-- usr/lib/sysimage/libdnf5/packages.toml --
version = "1.0"
[packages]
[packages."first.noarch"]
reason = "Dependency"
[packages."second.x86_64"]
reason = "User"
`

func TestAsked(t *testing.T) {
	rpm, err := os.ReadFile("rpmdb/testdata/history.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	rpms := func(archive string) fstest.MapFS {
		root := tree(archive + "-- usr/bin/tool --\n")
		root["var/lib/rpm/rpmdb.sqlite"] = &fstest.MapFile{Data: rpmtest.SQLite(rpmHeader("second", 0), rpmHeader("first", 0))}
		return root
	}
	history := rpms("")
	history["var/lib/dnf/history.sqlite"] = &fstest.MapFile{Data: rpm}
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want []string
	}{
		{"apt", tree(askedDebian + askedStates), []string{"php8.2-mysql"}},
		{"dpkg alone", tree(askedDebian), nil},
		{"apk", tree(askedAlpine), []string{".run-deps", "libpq", "py3-lxml", "python3"}},
		{"rpm alone", rpms(""), []string{"first"}},
		{"zypper", rpms(askedZypper), []string{"second"}},
		{"dnf5", rpms(askedDnf5), []string{"second"}},
		{"dnf", history, []string{"second"}},
	} {
		var got []string
		db := load(t, c.root)
		for _, pkg := range db.Packages() {
			if db.Asked(pkg.Name) {
				got = append(got, pkg.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: asked for %q, want %q", c.name, got, c.want)
		}
	}
}

func TestExtends(t *testing.T) {
	db := load(t, tree(askedDebian))
	mysql, _ := db.Package("php8.2-mysql")
	cli, _ := db.Package("php8.2-cli")
	got := [][]string{mysql.Extends, cli.Suggests}
	if diff := cmp.Diff([][]string{{"php8.2-cli"}, {"php8.2-mysql"}}, got); diff != "" {
		t.Errorf("Extends and Suggests (-want +got):\n%s", diff)
	}
}

func TestClosure(t *testing.T) {
	db := load(t, tree(askedDebian))
	var got []string
	for _, pkg := range db.Closure("base-files", "gone", "perl") {
		got = append(got, pkg.Name)
	}
	if diff := cmp.Diff([]string{"base-files", "perl", "usrmerge", "libc6"}, got); diff != "" {
		t.Errorf("Closure (-want +got):\n%s", diff)
	}
}
