package packages

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/slimimage/slim/analyzer/packages/rpmdb"
)

// rpmKeys is the name under which rpm keeps the public keys that it trusts, as if they were packages (rpmkeys(8)).
const rpmKeys = "gpg-pubkey"

// errStop ends the reading of a database early.
var errStop = errors.New("stop")

// rpm reads the first rpm database there is.
func (l *loader) rpm() error {
	for _, location := range rpmdb.Locations() {
		where, instead := l.find(location.Path, fs.FileMode.IsRegular)
		if instead != "" {
			l.db.lose(fmt.Sprintf("%q is %s: its packages are not known", location.Path, instead))
		}
		if where == "" {
			continue
		}
		info, err := l.root.Lstat(where)
		if err != nil {
			return fmt.Errorf("reading %q: %w", location.Path, err)
		}
		if info.Size() == 0 {
			continue
		}
		return l.rpmDatabase(location, where, info)
	}
	return nil
}

// rpmDatabase reads the database at a physical path.
func (l *loader) rpmDatabase(location rpmdb.Location, where string, info fs.FileInfo) error {
	f, err := l.root.Open(where)
	if err != nil {
		return fmt.Errorf("opening %q: %w", location.Path, err)
	}
	defer f.Close()
	l.db.databases = append(l.db.databases, where)
	at, size, err := readerAt(f, info.Size())
	if err != nil {
		return fmt.Errorf("reading %q: %w", location.Path, err)
	}
	if log, err := l.root.Lstat(where + "-wal"); err == nil && log.Size() > 0 {
		l.db.lose(fmt.Sprintf("%q has a write-ahead log, which is not read: the latest changes are not known", location.Path))
	}
	err = location.Read(at, size, func(header []byte) error {
		found, err := rpmdb.ParseHeader(header)
		if err != nil {
			l.db.lose(fmt.Sprintf("reading %q: %v: a package is not known", location.Path, err))
			return nil
		}
		if found.Name == rpmKeys {
			return nil
		}
		if l.full() {
			return errStop
		}
		l.add(rpmPackage(found))
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		l.db.lose(fmt.Sprintf("reading %q: %v: some packages are not known", location.Path, err))
	}
	return nil
}

// rpmPackage is a package as a header describes it.
func rpmPackage(header *rpmdb.Package) *Package {
	pkg := &Package{
		Type: "rpm", Name: header.Name, Version: header.Version, Arch: header.Arch, Source: header.Source, Provides: header.Provides,
		Maintainer: header.Maintainer, License: header.License, Homepage: header.Homepage,
		SourceURL: header.SourceURL, Unmet: header.Conditions,
	}
	for _, name := range header.Requires {
		pkg.requires = append(pkg.requires, []string{name})
	}
	header.Files(pkg.list)
	return pkg
}

// readerAt is a file for reading at offsets; where the root cannot do that it is read into memory, up to
// rpmdb.MaxSize.
func readerAt(f io.Reader, size int64) (io.ReaderAt, int64, error) {
	if at, ok := f.(io.ReaderAt); ok {
		return at, size, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, rpmdb.MaxSize))
	return bytes.NewReader(data), int64(len(data)), err
}

// FilterRpm returns rpm's SQLite database with only the packages whose names keep accepts. Their headers stay unchanged byte by byte,
// because signatures cover them. The result contains no data of other packages, and none of the keys that rpm stores as packages. An
// error is a damaged database.
func FilterRpm(database []byte, keep func(name string) bool) ([]byte, error) {
	return rpmdb.Filter(database, func(name string) bool { return name != rpmKeys && keep(name) })
}
