package packages_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/packages/rpmtest"
)

// TestFilterRpm: of databases that SQLite wrote; SQLite itself finds nothing wrong with what is written, and in it the headers of kept packages, byte by byte, in order.
func TestFilterRpm(t *testing.T) {
	for name, test := range map[string]struct{ packages, pad int }{"none": {0, 0}, "one": {1, 0}, "overflow": {3, 900}, "one level": {40, 0}, "two levels": {700, 40}} {
		t.Run(name, func(t *testing.T) {
			headers := [][]byte{rpmHeader("gpg-pubkey", 0), rpmHeader("gone", 5)}
			var want [][]byte
			for i := range test.packages {
				header := rpmHeader(fmt.Sprintf("kept%04d", i), test.pad+i%7)
				want, headers = append(want, header), append(headers, header)
			}
			full, err := rpmtest.Database(headers...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := packages.FilterRpm(full, func(pkg *packages.Package) bool { return pkg.Name != "gone" })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, sqliteRows(t, got)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			root := tree("-- usr/bin/tool --\n-- etc/x.conf --\n")
			root["var/lib/rpm/rpmdb.sqlite"] = &fstest.MapFile{Data: got}
			if db := load(t, root); len(db.Packages()) != test.packages || len(db.Warnings()) > 0 {
				t.Errorf("slim reads %d packages and says %q", len(db.Packages()), db.Warnings())
			}
		})
	}
}

// sqliteRows has SQLite check a database and read its rows.
func sqliteRows(t *testing.T, data []byte) (rows [][]byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	if err := os.WriteFile(name, data, 0o444); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+name+"?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %q, %v", verdict, err)
	}
	found, err := db.Query("SELECT blob FROM Packages ORDER BY hnum")
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var blob []byte
		if err := found.Scan(&blob); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, blob)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestFilterRpmDamaged(t *testing.T) {
	for name, data := range map[string][]byte{"empty": nil, "garbage": []byte("SQLite format 3\x00"), "cut": sqliteFile(rpmHeader("a", 300))[:1600]} {
		if _, err := packages.FilterRpm(data, func(*packages.Package) bool { return true }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
