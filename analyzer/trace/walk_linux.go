package trace

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/layers"
)

// found is where a path led. Paths are absolute and physical.
type found struct {
	path    string
	hops    []string
	mode    uint32 // st_mode, 0 when missing
	uid     uint32
	gid     uint32
	missing bool
	errno   unix.Errno // ENOENT, ENOTDIR, ELOOP ... when missing
}

func (f found) dir() bool { return f.mode&unix.S_IFMT == unix.S_IFDIR }

// walker resolves paths in the live root filesystem and remembers which of them are directories or symlinks.
type walker struct {
	nodes map[string]node
}

type node struct {
	mode     uint32
	uid, gid uint32
	target   string // of a symlink
}

// maxNodes bounds the memory of a walker, which drops all its nodes when it exceeds this number.
const maxNodes = 1 << 18

func newWalker() *walker { return &walker{nodes: map[string]node{}} }

// forget drops the cached nodes of a path that a tracee changed, or all nodes when the path is "".
func (w *walker) forget(name string) {
	if name == "" {
		clear(w.nodes)
		return
	}
	delete(w.nodes, name)
}

// lookup reads one component. Regular files are asked for anew each time: they come and go.
func (w *walker) lookup(name string) (node, error) {
	if n, ok := w.nodes[name]; ok {
		return n, nil
	}
	var stat unix.Stat_t
	if err := unix.Lstat(name, &stat); err != nil {
		return node{}, err
	}
	n := node{mode: stat.Mode, uid: stat.Uid, gid: stat.Gid}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax)
		size, err := unix.Readlink(name, buf)
		if err != nil {
			return node{}, err
		}
		n.target = string(buf[:size])
	case unix.S_IFDIR:
	default:
		return n, nil
	}
	if len(w.nodes) >= maxNodes {
		clear(w.nodes)
	}
	if !foreign(name) {
		w.nodes[name] = n
	}
	return n, nil
}

// foreign reports whether a path belongs to the sandbox and not to the image.
func foreign(name string) bool {
	for _, top := range [...]string{"/proc", "/sys", "/dev", "/.slim"} {
		if strings.HasPrefix(name, top) && (len(name) == len(top) || name[len(top)] == '/') {
			return true
		}
	}
	return false
}

// resolve follows name from dir (absolute, physical) as the kernel does; root is the process's root directory. It stops at a path that is
// the sandbox's.
func (w *walker) resolve(root, dir, name string, follow bool) found {
	nodes := liveNodes{walker: w}
	res, err := layers.ResolveNodes(&nodes, root, dir, name, follow)
	f := found{path: res.Path, hops: res.Hops, missing: err != nil || res.Missing}
	switch {
	case res.Missing:
		f.errno = unix.ENOENT
	case err != nil && !errors.As(err, &f.errno):
		f.errno = unix.EIO
	case err == nil && nodes.stopped:
		f.path = res.Path + "/" + res.Rest
	case err == nil && res.Path == nodes.at:
		f.mode, f.uid, f.gid = nodes.last.mode, nodes.last.uid, nodes.last.gid
	case err == nil:
		f.mode = unix.S_IFDIR | 0o755 // "..", the root or dir itself
	}
	if f.missing && res.Rest != "" {
		f.path = path.Clean(res.Path + "/" + res.Rest)
	}
	return f
}

// liveNodes are the nodes of the live root filesystem for one resolution. It notes the last one.
type liveNodes struct {
	*walker
	at      string
	last    node
	stopped bool
}

func (n *liveNodes) Type(at string) (fs.FileMode, error) {
	if foreign(at) {
		n.stopped = true
		return 0, fs.SkipAll
	}
	got, err := n.lookup(at)
	n.at, n.last = at, got
	switch got.mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return fs.ModeSymlink, err
	case unix.S_IFDIR:
		return fs.ModeDir, err
	}
	return 0, err
}

func (n *liveNodes) ReadLink(at string) (string, error) {
	got, err := n.lookup(at)
	return got.target, err
}
