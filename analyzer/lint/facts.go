package lint

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer/accounts"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// Bounds for one image.
const (
	maxFiles    = 5_000_000 // as layers.NewIndex
	maxSmall    = 4 << 20   // bytes of a file such as /etc/passwd
	maxAhead    = 512 << 20 // bytes of them all that are read ahead
	maxWarnings = 100
)

// file is one path of the image.
type file struct {
	path       string
	mode       fs.FileMode
	uid, gid   uint32
	size       int64
	link       string // target of a symlink
	capability bool
	ino        uint64
}

func (f *file) regular() bool { return f.mode.IsRegular() }

// runs reports whether it is a program or a link, by its mode.
func (f *file) runs() bool {
	return f.mode&fs.ModeSymlink != 0 || f.regular() && f.mode&0o111 != 0
}

// facts is what the rules look at.
type facts struct {
	in       Input
	config   v1.Config
	root     layers.RootFS
	files    []file // sorted by path
	db       *packages.DB
	release  map[string]string // of os-release
	accounts accounts.Files
	sums     map[string]string // checksums that packages recorded, by physical path
	steps    []step            // the history
	elfs     []ELF

	unreadELFs int             // those that are too many to list
	verified   map[string]bool // paths whose checksum matches
	different  map[string]bool // paths whose checksum does not match
	changed    findings        // the same
	secrets    findings        // in files
	warnings   []string
}

// gather reads the image.
func gather(in Input) (*facts, error) {
	f := &facts{in: in, config: in.Config.Config, root: in.Root, verified: map[string]bool{}, different: map[string]bool{}}
	f.steps = history(in.Config.History)
	if err := f.walk(); err != nil {
		return nil, err
	}
	if index, ok := in.Root.(*layers.Index); ok {
		if err := preload(index); err != nil {
			return nil, err
		}
	}
	var err error
	if f.db, err = packages.Load(in.Root); err != nil {
		return nil, fmt.Errorf("reading package databases: %w", err)
	}
	if f.release, err = packages.Release(in.Root); err != nil {
		f.warn("os-release: %v", err)
	}
	f.accounts = f.readAccounts()
	sums := packages.Checksums(in.Root, f.db)
	f.sums = sums.Digests
	for _, warning := range sums.Warnings {
		f.warn("%s", warning)
	}
	if err := f.readContents(); err != nil {
		return nil, err
	}
	if err := f.readDeleted(); err != nil {
		return nil, err
	}
	f.sortContents()
	return f, nil
}

// preload reads what will be read by name, in one pass over each layer.
func preload(index *layers.Index) error {
	var ahead int64
	return index.Preload(maxAhead, func(e layers.Entry) bool {
		if !readByName(string(e.Path)) || e.Size > packages.MaxDatabase || ahead+e.Size > maxAhead {
			return false
		}
		ahead += e.Size
		return true
	})
}

func readByName(name string) bool {
	switch name {
	case "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow":
		return true
	}
	return packages.IsRelease(name) || packages.IsDatabase(name)
}

// walk lists every path, the root too. No link is followed.
func (f *facts) walk() error {
	if info, err := fs.Stat(f.root, "."); err == nil {
		f.files = append(f.files, describe(".", info, f.root))
	}
	for todo := []string{"."}; len(todo) > 0; {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		entries, err := f.root.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("listing %q: %w", dir, err)
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil {
				return fmt.Errorf("listing %q: %w", dir, err)
			}
			name := path.Join(dir, entry.Name())
			f.files = append(f.files, describe(name, info, f.root))
			if info.IsDir() {
				todo = append(todo, name)
			}
		}
		if len(f.files) > maxFiles {
			return fmt.Errorf("it has more than %d files", maxFiles)
		}
	}
	slices.SortFunc(f.files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return nil
}

func describe(name string, info fs.FileInfo, root layers.RootFS) file {
	stat := layers.StatOf(info)
	out := file{path: name, mode: info.Mode(), uid: stat.UID, gid: stat.GID, size: info.Size(), ino: stat.Ino}
	if inode, ok := info.Sys().(*layers.Inode); ok {
		out.capability = inode.Capability != ""
	}
	if out.mode&fs.ModeSymlink != 0 {
		out.link, _ = root.ReadLink(name)
	}
	return out
}

// find is the path's file, nil when there is none; no link is followed.
func (f *facts) find(name string) *file {
	i, ok := slices.BinarySearchFunc(f.files, name, func(a file, b string) int { return strings.Compare(a.path, b) })
	if !ok {
		return nil
	}
	return &f.files[i]
}

// resolve is the physical path of a name, links followed inside the root; false when there is nothing.
func (f *facts) resolve(name string) (string, bool) {
	res, err := layers.Resolve(f.root, ".", name, true)
	return res.Path, err == nil && !res.Missing
}

// read is a regular file by name, links followed inside the root; false when there is none or it is longer than limit.
func (f *facts) read(name string, limit int64) ([]byte, bool) {
	physical, ok := f.resolve(name)
	if !ok {
		return nil, false
	}
	if found := f.find(physical); found == nil || !found.regular() {
		return nil, false
	}
	in, err := f.root.Open(physical)
	if err != nil {
		f.warn("%q cannot be read: %v", "/"+name, err)
		return nil, false
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil || int64(len(data)) > limit {
		f.warn("%q cannot be read, or has more than %d bytes", "/"+name, limit)
		return nil, false
	}
	return data, true
}

func (f *facts) warn(format string, args ...any) {
	if len(f.warnings) < maxWarnings {
		f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
	}
}

// each makes a finding of every file that a rule does not like: one with a message.
func (f *facts) each(dislike func(*file) string) []Finding {
	var found findings
	for i := range f.files {
		if message := dislike(&f.files[i]); message != "" {
			found.add(Finding{Path: layers.Path(f.files[i].path), Message: message})
		}
	}
	return found.list
}

// told are directories that a rule has reported already: their entries are not reported again.
type told map[string]bool

func (t told) covers(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if t[dir] {
			return true
		}
	}
	return false
}

// owned reports whether a package of the distribution has the path, or its maintainer scripts or package manager made it.
func (f *facts) owned(name string) bool {
	if _, ok := f.db.Owner(name); ok {
		return true
	}
	_, ok := f.db.Generated(name)
	return ok
}

// vouched reports whether a package of the distribution brought the file as it is, so that anybody can have it: not where it is
// configuration, or has changed.
func (f *facts) vouched(name string) bool {
	owner, ok := f.db.Owner(name)
	if !ok || f.different[name] || strings.HasPrefix(name, "etc/") {
		return false
	}
	_, config := slices.BinarySearch(owner.Conffiles, name)
	return !config
}
