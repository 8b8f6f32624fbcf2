package packages

import (
	"errors"
	"fmt"
	"io"

	"github.com/slimimage/slim/layers"
)

// rpmDatabases are where rpm keeps its database and in which format: sqlite since 4.16, ndb (SUSE), Berkeley DB before.
var rpmDatabases = []struct {
	path string
	read func(r io.ReaderAt, size int64, each func(header []byte) error) error
}{
	{"/usr/lib/sysimage/rpm/rpmdb.sqlite", readSqlite}, {"/var/lib/rpm/rpmdb.sqlite", readSqlite}, {"/usr/share/rpm/rpmdb.sqlite", readSqlite},
	{"/usr/lib/sysimage/rpm/Packages.db", readNdb}, {"/var/lib/rpm/Packages.db", readNdb},
	{"/usr/lib/sysimage/rpm/Packages", readBdb}, {"/var/lib/rpm/Packages", readBdb},
}

// maxHeader is how large one package's header may be, in bytes (rpm itself takes 256 MiB; the largest packages have 10),
// and maxItems how many values one of its tags may have.
const (
	maxHeader = 64 << 20
	maxItems  = 1 << 20
)

// errStop ends the reading of a database early.
var errStop = errors.New("stop")

// rpm reads the first rpm database there is.
func (l *loader) rpm() error {
	for _, db := range rpmDatabases {
		res, err := layers.Resolve(l.root, ".", db.path, true)
		if err != nil || res.Missing {
			continue
		}
		info, err := l.root.Lstat(res.Path)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue
		}
		f, err := l.root.Open(res.Path)
		if err != nil {
			return fmt.Errorf("opening %q: %w", db.path, err)
		}
		defer f.Close()
		l.db.databases = append(l.db.databases, res.Path)
		at, size, err := readerAt(f, info.Size())
		if err != nil {
			return fmt.Errorf("reading %q: %w", db.path, err)
		}
		if log, err := l.root.Lstat(res.Path + "-wal"); err == nil && log.Size() > 0 {
			l.db.warn(fmt.Sprintf("%q has a write-ahead log, which is not read: the latest changes are not known", db.path))
		}
		err = db.read(at, size, func(header []byte) error {
			pkg, err := parseRpmHeader(header)
			if err != nil {
				l.db.warn(fmt.Sprintf("reading %q: %v", db.path, err))
				return nil
			}
			if pkg.Name != "gpg-pubkey" { // keys are kept as packages
				l.add(pkg)
			}
			if len(l.db.packages) == maxPackages {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			l.db.warn(fmt.Sprintf("reading %q: %v: some packages are not known", db.path, err))
		}
		return nil
	}
	return nil
}

// readerAt is a file for reading at offsets; where the root cannot do that it is read into memory, up to maxDatabase.
func readerAt(f io.Reader, size int64) (io.ReaderAt, int64, error) {
	if at, ok := f.(io.ReaderAt); ok {
		return at, size, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxDatabase))
	return bytesAt(data), int64(len(data)), err
}

// bytesAt is an io.ReaderAt of bytes.
type bytesAt []byte

// ReadAt copies what there is from off on.
func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
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
