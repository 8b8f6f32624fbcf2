package layers

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Index is the merged view of an image's layers: what a container of it sees. It is a RootFS; names are physical paths or
// pass through symlinks, which are followed inside the root. Only headers are held in memory. Open reads a file's layer from
// its beginning: fine for a few files of an image, slow for all of them.
type Index struct {
	// Layers counts the entries of each layer, lowest first.
	Layers []LayerStat

	root   *node
	source []v1.Layer
	ids    []v1.Hash // diff IDs of source
	ino    uint64
	limits limits
	read   int   // entries so far
	text   int64 // bytes of names so far
}

// LayerStat counts one layer's own entries, whether or not a later layer hides them. A hard link counts as a file of no bytes.
type LayerStat struct {
	Files  int   // without directories and whiteouts
	Dirs   int   // directories
	Bytes  int64 // of regular files
	Wasted int64 // of these, bytes that a later entry overwrites or deletes
}

// Inode is one file of an Index under all its names. It must not be changed.
type Inode struct {
	Mode       fs.FileMode
	UID, GID   uint32
	Size       int64
	ModTime    int64  // seconds since 1970
	Link       string // target of a symlink
	Capability string // raw security.capability, "" when there is none
	Rdev       uint64 // of a device node
	Layer      int    // where its header and content are, lowest layer 0
	Ino        uint64 // not 0
	Nlink      uint64 // names in the merged view
	Position   int    // of its header among those of the layer's tar, from 0: for reading many files in one pass

	content []byte // what Preload read
}

// Stat is the inode as StatOf returns it.
func (n *Inode) Stat() Stat {
	return Stat{UID: n.UID, GID: n.GID, Nlink: n.Nlink, Ino: n.Ino, Dev: 1, Rdev: n.Rdev}
}

// Entry is one path of an Index.
type Entry struct {
	Path Path
	*Inode
}

// node is one name of the tree.
type node struct {
	*Inode
	children map[string]*node
	layer    int // the last layer that wrote this name
}

// newTree is an Index with an empty root directory.
func newTree() *Index {
	x := &Index{limits: defaultLimits}
	x.root = x.dir(0)
	return x
}

// dir creates a directory that no entry describes, with root as owner and mode 0755, as container runtimes create missing parents.
func (x *Index) dir(layer int) *node {
	return &node{Inode: x.inode(Inode{Mode: fs.ModeDir | 0o755, Layer: layer}), layer: layer}
}

func (x *Index) inode(n Inode) *Inode {
	x.ino++
	n.Ino = x.ino
	return &n
}

// Entries lists every path, sorted by bytes; the root is ".".
func (x *Index) Entries() []Entry {
	var list []Entry
	x.root.walk(".", func(name string, n *node) { list = append(list, Entry{Path(name), n.Inode}) })
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(string(a.Path), string(b.Path)) })
	return list
}

func (n *node) walk(name string, visit func(string, *node)) {
	visit(name, n)
	for _, base := range slices.Sorted(maps.Keys(n.children)) {
		n.children[base].walk(path.Join(name, base), visit)
	}
}

// find is the node of a physical path, nil when there is none.
func (x *Index) find(name string) *node {
	n := x.root
	for _, part := range splitPath(name) {
		if n = n.children[part]; n == nil {
			return nil
		}
	}
	return n
}

// follow is the node at the end of all symlinks.
func (x *Index) follow(op, name string) (*node, error) {
	if !fs.ValidPath(name) && !validBytes(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	res, err := Resolve(x, ".", name, true)
	if err != nil {
		return nil, err
	}
	if res.Missing {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return x.find(res.Path), nil
}

// validBytes is fs.ValidPath for names that need not be UTF-8.
func validBytes(name string) bool {
	return name == "." || name != "" && path.Clean("/"+name) == "/"+name
}

// Lstat implements fs.ReadLinkFS. Symlinks in the parents are followed.
func (x *Index) Lstat(name string) (fs.FileInfo, error) {
	n := x.find(name)
	if n == nil {
		parent, err := x.follow("lstat", path.Dir(name))
		if err != nil {
			return nil, err
		}
		if n = parent.children[path.Base(name)]; n == nil {
			return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
		}
	}
	return info{path.Base(name), n.Inode}, nil
}

// Stat implements fs.StatFS.
func (x *Index) Stat(name string) (fs.FileInfo, error) {
	n, err := x.follow("stat", name)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), n.Inode}, nil
}

// ReadLink implements fs.ReadLinkFS.
func (x *Index) ReadLink(name string) (string, error) {
	got, err := x.Lstat(name)
	if err != nil {
		return "", err
	}
	if got.Mode()&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return got.Sys().(*Inode).Link, nil
}

// ReadDir implements fs.ReadDirFS.
func (x *Index) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := x.follow("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.Mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	list := make([]fs.DirEntry, 0, len(n.children))
	for base, child := range n.children {
		list = append(list, fs.FileInfoToDirEntry(info{base, child.Inode}))
	}
	sortDirEntries(list)
	return list, nil
}

// Open implements fs.FS. The content of a file is read from its layer, from the layer's beginning.
func (x *Index) Open(name string) (fs.File, error) {
	n, err := x.follow("open", name)
	if err != nil {
		return nil, err
	}
	f := &file{info: info{path.Base(name), n.Inode}}
	switch {
	case n.Mode.IsDir():
		if f.entries, err = x.ReadDir(name); err != nil {
			return nil, err
		}
	case !n.Mode.IsRegular():
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	case n.content != nil || n.Size == 0:
		f.reader = io.NopCloser(strings.NewReader(string(n.content)))
	default:
		if f.reader, err = x.content(n.Inode); err != nil {
			return nil, fmt.Errorf("opening %q in layer %d: %w", name, n.Layer, err)
		}
	}
	return f, nil
}
