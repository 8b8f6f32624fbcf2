package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// maxHops is the kernel's own bound on symlinks followed in one look-up (MAXSYMLINKS, include/linux/namei.h).
const maxHops = 40

// Resolution is where a path leads.
type Resolution struct {
	Path string   // physical path, clean, no symlink left in it (but the last, when not followed)
	Hops []string // physical path of each symlink followed, in order
	// Missing is set when Path does not exist. Path is then the first component that does not exist.
	Missing bool
	Rest    string // the components after Path that were not looked up: of a missing path, and of one where the resolution stopped
}

// Nodes gives a resolution access to a file system. Paths are physical.
type Nodes interface {
	// Type returns the type bits of the file at a path, without following it. fs.SkipAll ends the resolution at that path.
	Type(at string) (fs.FileMode, error)
	// ReadLink returns the target of the symlink at a path.
	ReadLink(at string) (string, error)
}

// Resolve follows name in root one component at a time, as the kernel does: an absolute link starts again at the root,
// ".." is physical and never leaves the root. name is taken relative to dir (a physical path) unless it starts with "/".
// When follow is false the last component is not followed (lstat, readlink, O_NOFOLLOW).
// A path that does not exist is not an error: the resolution sets Missing. Errors: ELOOP, ENOTDIR, or those of root.
func Resolve(root fs.FS, dir, name string, follow bool) (Resolution, error) {
	links, ok := root.(fs.ReadLinkFS)
	if !ok {
		return Resolution{}, fmt.Errorf("%T cannot read links", root)
	}
	res, err := ResolveNodes(fsNodes{links}, ".", string(CleanPath(dir)), name, follow)
	if err != nil {
		return res, fmt.Errorf("resolving %q: %w", name, err)
	}
	return res, nil
}

// fsNodes reads an fs.ReadLinkFS.
type fsNodes struct{ fs.ReadLinkFS }

func (n fsNodes) Type(at string) (fs.FileMode, error) {
	info, err := n.Lstat(at)
	if err != nil {
		return 0, err
	}
	return info.Mode().Type(), nil
}

// ResolveNodes is Resolve in any file system. root and dir are physical paths, absolute or (with "." for the top) relative; so are the
// paths of the result. After an error, Path and Rest of the result tell where it occurred.
func ResolveNodes(nodes Nodes, root, dir, name string, follow bool) (Resolution, error) {
	w := walk{nodes: nodes, root: root, at: dir, todo: pushParts(nil, name), follow: follow, mustDir: endsInDir(name)}
	if strings.HasPrefix(name, "/") {
		w.at = root
	}
	for len(w.todo) > 0 {
		if done, err := w.step(); done || err != nil {
			w.res.Rest = joinParts(w.todo)
			return w.res, err
		}
	}
	w.res.Path = w.at
	return w.res, nil
}

// walk is the state of a resolution.
type walk struct {
	nodes   Nodes
	root    string
	at      string   // the directory reached
	todo    []string // components that are left, the next one last
	follow  bool     // also the last component
	mustDir bool     // the last component must be a directory, so it is followed
	res     Resolution
}

// step takes one component; done is true where the resolution ends before the last one.
func (w *walk) step() (done bool, err error) {
	part := w.todo[len(w.todo)-1]
	w.todo = w.todo[:len(w.todo)-1]
	if part == ".." {
		if w.at != w.root {
			w.at = path.Dir(w.at)
		}
		return false, nil
	}
	next := joinPart(w.at, part)
	w.res.Path = next
	mode, err := w.nodes.Type(next)
	last := len(w.todo) == 0
	switch {
	case err == fs.SkipAll:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		w.res.Missing = true
		return true, nil
	case err != nil:
		return false, err
	case mode&fs.ModeSymlink != 0 && (!last || w.follow || w.mustDir):
		return false, w.hop(next)
	case (!last || w.mustDir) && !mode.IsDir():
		return false, &fs.PathError{Op: "resolve", Path: next, Err: syscall.ENOTDIR}
	}
	w.at = next
	return false, nil
}

// hop follows the symlink at a path.
func (w *walk) hop(at string) error {
	if len(w.res.Hops) >= maxHops {
		return &fs.PathError{Op: "resolve", Path: at, Err: syscall.ELOOP}
	}
	target, err := w.nodes.ReadLink(at)
	if err != nil {
		return err
	}
	w.res.Hops = append(w.res.Hops, at)
	if strings.HasPrefix(target, "/") {
		w.at = w.root
	}
	if len(w.todo) == 0 && endsInDir(target) {
		w.mustDir = true
	}
	w.todo = pushParts(w.todo, target)
	return nil
}

// endsInDir reports whether a path ends in "/" or "/.": its last component must then be a directory (path_resolution(7)).
func endsInDir(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")
}

// joinPart is path.Join of a clean path and one component, without cleaning.
func joinPart(at, part string) string {
	switch at {
	case ".":
		return part
	case "/":
		return at + part
	}
	return at + "/" + part
}

// pushParts pushes the components of name onto a stack, the first on top.
func pushParts(stack []string, name string) []string {
	for len(name) > 0 {
		i := strings.LastIndexByte(name, '/')
		if part := name[i+1:]; part != "" && part != "." {
			stack = append(stack, part)
		}
		name = name[:max(i, 0)]
	}
	return stack
}

// joinParts is the path that a stack of components stands for.
func joinParts(stack []string) string {
	if len(stack) == 0 {
		return ""
	}
	var b strings.Builder
	for i := len(stack) - 1; i > 0; i-- {
		b.WriteString(stack[i])
		b.WriteByte('/')
	}
	b.WriteString(stack[0])
	return b.String()
}

func splitPath(name string) []string {
	var parts []string
	for _, part := range strings.Split(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}
