package trace

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxHops is the kernel's bound on symlinks in one look-up (MAXSYMLINKS, linux/namei.h).
const maxHops = 40

// found is where a path led. Paths are absolute and physical.
type found struct {
	path    string
	hops    []string
	mode    uint32 // st_mode, 0 when missing
	missing bool
	errno   unix.Errno // ENOENT, ENOTDIR, ELOOP ... when missing
}

func (f found) dir() bool { return f.mode&unix.S_IFMT == unix.S_IFDIR }

// walker resolves paths in the live root filesystem and remembers which of them are directories or symlinks.
type walker struct {
	nodes map[string]node
}

type node struct {
	mode   uint32
	target string // of a symlink
}

// maxNodes bounds the memory of a walker; past it, it starts to remember afresh.
const maxNodes = 1 << 18

func newWalker() *walker { return &walker{nodes: map[string]node{}} }

// forget drops what is remembered of a path that a tracee changed; of everything when it is "".
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
	n := node{mode: stat.Mode}
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

// foreign says whether a path is the sandbox's and not the image's.
func foreign(name string) bool {
	for _, top := range [...]string{"/proc", "/sys", "/dev", "/.slim"} {
		if strings.HasPrefix(name, top) && (len(name) == len(top) || name[len(top)] == '/') {
			return true
		}
	}
	return false
}

// resolve follows name from dir (absolute, physical) as the kernel does; root is the process's root directory.
func (w *walker) resolve(root, dir, name string, follow bool) found {
	at := dir
	if strings.HasPrefix(name, "/") {
		at = root
	}
	todo := components(nil, name)
	mustDir := strings.HasSuffix(name, "/")
	var f found
	for i := 0; len(todo) > 0; i++ {
		part := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if part == ".." {
			if at != root {
				at = path.Dir(at)
			}
			continue
		}
		next := at + "/" + part
		if at == "/" {
			next = at + part
		}
		if foreign(next) {
			f.path = next + "/" + joinReversed(todo)
			return f
		}
		n, err := w.lookup(next)
		last := len(todo) == 0
		switch {
		case err != nil:
			return f.fail(next, todo, err)
		case n.mode&unix.S_IFMT == unix.S_IFLNK && (!last || follow || mustDir):
			if len(f.hops) >= maxHops {
				return f.fail(next, todo, unix.ELOOP)
			}
			f.hops = append(f.hops, next)
			if strings.HasPrefix(n.target, "/") {
				at = root
			}
			if last && strings.HasSuffix(n.target, "/") {
				mustDir = true
			}
			todo = components(todo, n.target)
		case (!last || mustDir) && n.mode&unix.S_IFMT != unix.S_IFDIR:
			return f.fail(next, todo, unix.ENOTDIR)
		default:
			at = next
			f.mode = n.mode
		}
	}
	f.path = at
	if f.mode == 0 || f.mode&unix.S_IFMT == unix.S_IFLNK && follow {
		f.mode = unix.S_IFDIR | 0o755 // ".." or the start itself: a directory
	}
	return f
}

func (f found) fail(at string, todo []string, err error) found {
	f.missing, f.mode = true, 0
	f.path = at
	if rest := joinReversed(todo); rest != "" {
		f.path = path.Clean(at + "/" + rest)
	}
	if !errors.As(err, &f.errno) {
		f.errno = unix.EIO
	}
	return f
}

// components pushes the parts of name, the first on top, onto a stack.
func components(stack []string, name string) []string {
	parts := strings.Split(name, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i] != "" && parts[i] != "." {
			stack = append(stack, parts[i])
		}
	}
	return stack
}

func joinReversed(stack []string) string {
	var b strings.Builder
	for i := len(stack) - 1; i >= 0; i-- {
		b.WriteString(stack[i])
		if i > 0 {
			b.WriteByte('/')
		}
	}
	return b.String()
}
