package packages

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// MaxDatabase bounds one text file of a package database, in bytes. Those of the largest images, Alpine's with thousands of packages,
// have some 10 MiB.
const MaxDatabase = 64 << 20

// Bounds of what is read of an image's databases.
const (
	maxList     = 16 << 20 // bytes of one package's list of files
	maxPackages = 20_000
	maxFiles    = 2_000_000 // paths over all packages
	maxPath     = 4096      // bytes of one path: PATH_MAX
	maxDirs     = 100_000   // directories remembered at a time
)

// databaseDirs are where package managers keep what they know of a root filesystem, many small files.
var databaseDirs = []string{
	"var/lib/dpkg/", "var/lib/ucf/",
	"var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/",
	"lib/apk/db/", "usr/lib/apk/db/",
	aptStates[1:], apkWorld[1:], zyppAuto[1:], dnf5Reasons[1:], dnfHistory[1:],
}

// IsDatabase says whether a path, without a leading slash, may be one that Load reads. It is for roots where opening one file is slow, and
// several are better read in one pass.
func IsDatabase(name string) bool {
	return slices.ContainsFunc(databaseDirs, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// Load reads the package databases of root: dpkg, apk and rpm, each where it is present. A root without any is no error:
// the DB is then empty. A damaged database yields what could be read and a warning.
func Load(root layers.RootFS) (*DB, error) {
	l := &loader{root: root, db: &DB{owner: map[string]*Package{}, listed: map[string]bool{}, makers: compileMakers()},
		dirs: map[string]string{}, budget: maxFiles}
	for _, read := range []func() error{l.dpkg, l.distroless, l.apk, l.rpm} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	l.alternatives()
	l.ucf()
	l.links()
	l.db.finish(l.physical)
	l.asked()
	return l.db, nil
}

// loader is one Load.
type loader struct {
	root   layers.RootFS
	db     *DB
	dirs   map[string]string // directory as written to physical; "" when it is not there
	divert map[string]diversion
	budget int // paths that may still be placed
}

// read is a whole file by path, links followed inside the root; nil when it is not a regular file. A file larger than limit
// is read up to there, with a warning.
func (l *loader) read(name string, limit int64) ([]byte, error) {
	where, _ := l.find(name, fs.FileMode.IsRegular)
	if where == "" {
		return nil, nil
	}
	return l.readAt(where, name, limit, l.db.warn)
}

// records is read of a file with packages or their files: the DB is incomplete if something is there that cannot be read as a whole.
func (l *loader) records(name string, limit int64) ([]byte, error) {
	where, instead := l.find(name, fs.FileMode.IsRegular)
	if instead != "" {
		l.db.lose(fmt.Sprintf("%q is %s: what it should list is not known", name, instead))
	}
	if where == "" {
		return nil, nil
	}
	return l.readAt(where, name, limit, l.db.lose)
}

// find is the physical path of a file or directory of the wanted kind, links followed inside the root; "" when there is none. instead is
// what is in its place, "" when nothing is.
func (l *loader) find(name string, wanted func(fs.FileMode) bool) (where, instead string) {
	res, err := layers.Resolve(l.root, ".", name, true)
	if err != nil {
		return "", "not reachable"
	}
	if res.Missing {
		if len(res.Hops) > 0 && l.dangling(res.Hops[len(res.Hops)-1]) {
			return "", "a link to nothing"
		}
		return "", ""
	}
	info, err := l.root.Lstat(res.Path)
	if err != nil {
		return "", "not readable"
	}
	if wanted(info.Mode()) {
		return res.Path, ""
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "", "a directory"
	case mode.IsRegular():
		return "", "a file"
	case mode&fs.ModeNamedPipe != 0:
		return "", "a named pipe"
	}
	return "", "a device or socket"
}

// dangling says whether the link at a physical path leads to nothing.
func (l *loader) dangling(link string) bool {
	res, err := layers.Resolve(l.root, ".", "/"+link, true)
	return err != nil || res.Missing
}

// readAt reads the file at a physical path; doubt is told when it is larger than limit.
func (l *loader) readAt(where, name string, limit int64, doubt func(string)) ([]byte, error) {
	f, err := l.root.Open(where)
	if err != nil {
		return nil, fmt.Errorf("opening %q: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	if int64(len(data)) > limit {
		doubt(fmt.Sprintf("%q is larger than %d bytes: the rest was not read", name, limit))
		data = data[:limit]
	}
	l.db.databases = append(l.db.databases, where)
	return data, nil
}

// readDir lists a directory by path; nil when it is not there.
func (l *loader) readDir(name string) (dir string, entries []fs.DirEntry, err error) {
	res, err := layers.Resolve(l.root, ".", name, true)
	if err != nil || res.Missing {
		return "", nil, nil
	}
	info, err := l.root.Lstat(res.Path)
	if err != nil || !info.IsDir() {
		return "", nil, nil
	}
	if entries, err = l.root.ReadDir(res.Path); err != nil {
		return "", nil, fmt.Errorf("listing %q: %w", name, err)
	}
	return res.Path, entries, nil
}

// full says whether there are as many packages as are read.
func (l *loader) full() bool {
	if len(l.db.packages) < maxPackages {
		return false
	}
	l.db.lose(fmt.Sprintf("more than %d packages: the rest was not read", maxPackages))
	return true
}

// add keeps a package unless there are too many. Its files are placed at once, so that only one list is in memory.
func (l *loader) add(pkg *Package) {
	if l.full() {
		return
	}
	if pkg.Source == "" {
		pkg.Source = pkg.Name
	}
	if pkg.cut {
		l.db.lose(fmt.Sprintf("the package %q lists too many files, or too long a path: some are not known", pkg.Name))
	}
	l.place(pkg)
	l.db.packages = append(l.db.packages, pkg)
}

// place finds where the files that a package lists physically are, and makes it their owner. The first of several owners
// in the database wins: multi-arch packages share equal files.
func (l *loader) place(pkg *Package) {
	slices.Sort(pkg.listed)
	conf := map[string]bool{}
	for _, name := range pkg.conffile {
		conf[name] = true
	}
	for i, name := range pkg.listed {
		if !l.spend() {
			break
		}
		where := l.physical(l.diverted(name, pkg.Name))
		if where == "" {
			continue
		}
		info, err := l.root.Lstat(where)
		if err != nil {
			continue
		}
		if info.IsDir() {
			l.db.listed[where] = true
			continue
		}
		if info.Mode()&fs.ModeSymlink != 0 && hasChild(pkg.listed[i+1:], name) {
			continue // the package has a directory here and the image a link: merged /usr
		}
		pkg.Files = append(pkg.Files, where)
		if conf[name] {
			pkg.Conffiles = append(pkg.Conffiles, where)
		}
		if _, taken := l.db.owner[where]; !taken {
			l.db.owner[where] = pkg
		}
	}
	pkg.listed, pkg.conffile = nil, nil
}

// spend takes one path from the budget; it says whether there was one left.
func (l *loader) spend() bool {
	if l.budget == 0 {
		l.db.lose(fmt.Sprintf("more than %d files in packages: the rest was not read", maxFiles))
		return false
	}
	l.budget--
	return true
}

// hasChild says whether sorted paths, all after dir in order, hold one below dir.
func hasChild(sorted []string, dir string) bool {
	i, _ := slices.BinarySearch(sorted, dir+"/")
	return i < len(sorted) && strings.HasPrefix(sorted[i], dir+"/")
}

// physical is where a path that a database writes really is: its parent directories resolved, the last component as it is.
// "" when the parent is not there.
func (l *loader) physical(name string) string {
	if len(name) > maxPath || strings.IndexByte(name, 0) >= 0 {
		return ""
	}
	clean := string(layers.CleanPath(name))
	if clean == "." {
		return ""
	}
	parent, base := path.Split(clean)
	dir, known := l.dirs[parent]
	if !known {
		res, err := layers.Resolve(l.root, ".", "/"+parent, true)
		if err == nil && !res.Missing {
			dir = res.Path
		}
		if len(l.dirs) == maxDirs {
			clear(l.dirs)
		}
		l.dirs[parent] = dir
	}
	if dir == "" {
		return ""
	}
	return path.Join(dir, base)
}
