package packages_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/packages"
)

func TestDpkgStatus(t *testing.T) {
	root := tree(`
-- var/lib/dpkg/status.d/libssl3 --
Package: libssl3
Architecture: amd64
Version: 3.0.17-1
Depends: libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0, exact (= 1.2-3) , low (<< 4)
-- var/lib/dpkg/status.d/libssl3.md5sums --
0123456789abcdef0123456789abcdef  usr/lib/libssl.so.3
-- var/lib/dpkg/status.d/bGliYw --
Package: libc6
Architecture: amd64
Version: 2.36-9
Description: C
 library
Depends: libgcc
-- var/lib/dpkg/status.d/gcc --
Package: libgcc-s1
Architecture: amd64
Version: 12
Provides: libgcc (= 12)
`)
	records, err := packages.StatusRecords(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range records {
		names = append(names, r.Name+" "+r.Version+" "+r.Arch+" "+r.Path)
	}
	want := []string{"libc6 2.36-9 amd64 var/lib/dpkg/status.d/bGliYw", "libgcc-s1 12 amd64 var/lib/dpkg/status.d/gcc",
		"libssl3 3.0.17-1 amd64 var/lib/dpkg/status.d/libssl3"}
	if diff := cmp.Diff(want, names); diff != "" || len(records[2].Sums) != 1 {
		t.Errorf("StatusRecords: sums %v, -want +got\n%s", records[2].Sums, diff)
	}
	status, standIns := packages.DpkgStatus(records, "amd64")
	versions := map[string]string{}
	for r := range packages.DpkgRecords(status) {
		_, version, _ := strings.Cut(string(r.Text), "Version: ")
		versions[r.Name], _, _ = strings.Cut(version, "\n")
	}
	if got, want := strings.Count(string(status), "Status: install ok installed\n"), 6; got != want {
		t.Errorf("DpkgStatus has %d installed packages, want %d", got, want)
	}
	wanted := map[string]string{"libc6": "2.36-9", "libgcc-s1": "12", "libssl3": "3.0.17-1", "debconf": "9999:0", "exact": "1.2-3",
		"low": "4~"}
	if diff := cmp.Diff(wanted, versions); diff != "" {
		t.Errorf("DpkgStatus: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"debconf", "exact", "low"}, standIns); diff != "" {
		t.Errorf("DpkgStatus: stand-ins, -want +got\n%s", diff)
	}
}

func TestStatusRecordsDamaged(t *testing.T) {
	for _, text := range []string{"Package: x\n", "Package: x\nVersion: 1\n\nPackage: y\nVersion: 1\n", "nothing\n"} {
		root := tree("-- var/lib/dpkg/status.d/x --\n" + text)
		if got, err := packages.StatusRecords(root); err == nil {
			t.Errorf("StatusRecords of %q = %v, want an error", text, got)
		}
	}
}
