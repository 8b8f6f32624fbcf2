package rpmdb_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/packages/rpmdb"
	"github.com/slimimage/slim/analyzer/packages/rpmdb/rpmtest"
)

// rpmHeader is the header of a package with many files.
func rpmHeader(name string, many int) []byte {
	files := []string{"/usr/bin/", "/usr/bin/tool"}
	for i := range many {
		files = append(files, fmt.Sprint("/etc/pad", i))
	}
	return rpmtest.Header(name, files...)
}

// TestFilter filters databases that SQLite wrote. SQLite checks the result and finds in it the headers of the kept packages, byte by byte,
// in order.
func TestFilter(t *testing.T) {
	for name, test := range map[string]struct{ packages, pad int }{"none": {0, 0}, "one": {1, 0}, "overflow": {3, 900},
		"one level": {40, 0}, "two levels": {700, 40}} {
		t.Run(name, func(t *testing.T) {
			headers := [][]byte{rpmHeader("gone", 5)}
			var want [][]byte
			for i := range test.packages {
				header := rpmHeader(fmt.Sprintf("kept%04d", i), test.pad+i%7)
				want, headers = append(want, header), append(headers, header)
			}
			full, err := rpmtest.Database(headers...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := rpmdb.Filter(full, func(name string) bool { return name != "gone" })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, sqliteRows(t, got)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, readRows(t, got)); diff != "" {
				t.Errorf("rows that slim reads (-want +got):\n%s", diff)
			}
		})
	}
}

// readRows reads a database as Load does.
func readRows(t *testing.T, data []byte) (rows [][]byte) {
	t.Helper()
	for _, location := range rpmdb.Locations() {
		if path.Base(location.Path) != "rpmdb.sqlite" {
			continue
		}
		rows = nil
		err := location.Read(bytes.NewReader(data), int64(len(data)), func(header []byte) error {
			rows = append(rows, bytes.Clone(header))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return rows
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

func TestFilterDamaged(t *testing.T) {
	for name, data := range map[string][]byte{"empty": nil, "garbage": []byte("SQLite format 3\x00"),
		"cut": rpmtest.SQLite(rpmHeader("a", 300))[:1600]} {
		if _, err := rpmdb.Filter(data, func(string) bool { return true }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
