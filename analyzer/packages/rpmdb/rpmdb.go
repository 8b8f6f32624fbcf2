// Package rpmdb reads rpm's databases in the three formats that rpm has had (SQLite, ndb and Berkeley DB), and writes SQLite.
//
// A database is a list of headers, one for each package. The input is untrusted: lengths and offsets are checked against the size
// of the file, and chains of pages are bounded.
package rpmdb

import (
	"errors"
	"io"
)

// MaxSize bounds a database that has to be in memory as a whole, in bytes. Those of large images have 150 MiB.
const MaxSize = 256 << 20

// maxHeader is how large one package's header may be, in bytes (rpm itself takes 256 MiB; the largest packages have 10),
// and maxItems how many values one of its tags may have.
const (
	maxHeader = 64 << 20
	maxItems  = 1 << 20
)

// A Location is where rpm may keep its database, and how it is read there.
type Location struct {
	Path string // absolute
	// Read calls each with the header of every package. An error of each ends it and is returned.
	Read func(r io.ReaderAt, size int64, each func(header []byte) error) error
}

// Locations lists the places of rpm's database, the first that is there being the one in use: SQLite since rpm 4.16, ndb (SUSE),
// Berkeley DB before.
func Locations() []Location {
	return []Location{
		{"/usr/lib/sysimage/rpm/rpmdb.sqlite", readSqlite},
		{"/var/lib/rpm/rpmdb.sqlite", readSqlite},
		{"/usr/share/rpm/rpmdb.sqlite", readSqlite},
		{"/usr/lib/sysimage/rpm/Packages.db", readNdb},
		{"/var/lib/rpm/Packages.db", readNdb},
		{"/usr/lib/sysimage/rpm/Packages", readBdb},
		{"/var/lib/rpm/Packages", readBdb},
	}
}

// readExact reads n bytes at off that must lie inside size.
func readExact(r io.ReaderAt, size, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > size || n > size-off {
		return nil, errors.New("points outside the file")
	}
	buf := make([]byte, n)
	if _, err := r.ReadAt(buf, off); err != nil && err != io.EOF {
		return nil, err
	}
	return buf, nil
}
