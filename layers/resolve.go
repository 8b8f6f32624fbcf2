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

// Resolution is where a path really is.
type Resolution struct {
	Path string   // physical path, clean, no symlink left in it (but the last, when not followed)
	Hops []string // physical path of each symlink followed, in order
	// Missing is set when Path does not exist: Path is then the first component that is not there, and Rest what came after.
	Missing bool
	Rest    string
}

// Resolve follows name in root one component at a time, as the kernel does: an absolute link starts again at the root,
// ".." is physical and never leaves the root. name is taken relative to dir (a physical path) unless it starts with "/".
// When follow is false the last component is not followed (lstat, readlink, O_NOFOLLOW).
// A path that does not exist is no error: the resolution says Missing. Errors: ELOOP, ENOTDIR, or what root returned.
func Resolve(root fs.FS, dir, name string, follow bool) (Resolution, error) {
	links, ok := root.(fs.ReadLinkFS)
	if !ok {
		return Resolution{}, fmt.Errorf("%T cannot read links", root)
	}
	var res Resolution
	at := string(CleanPath(dir))
	if strings.HasPrefix(name, "/") {
		at = "."
	}
	// A trailing slash (or "/.") means the last component must be a directory, so it is followed.
	mustDir := strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")
	todo := splitPath(name)
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		if part == ".." {
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := links.Lstat(next)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				res.Path, res.Missing, res.Rest = next, true, strings.Join(todo, "/")
				return res, nil
			}
			return res, fmt.Errorf("resolving %q: %w", name, err)
		}
		last := len(todo) == 0
		switch {
		case info.Mode()&fs.ModeSymlink != 0 && (!last || follow || mustDir):
			if len(res.Hops) >= maxHops {
				return res, &fs.PathError{Op: "resolve", Path: name, Err: syscall.ELOOP}
			}
			target, err := links.ReadLink(next)
			if err != nil {
				return res, fmt.Errorf("resolving %q: %w", name, err)
			}
			res.Hops = append(res.Hops, next)
			if strings.HasPrefix(target, "/") {
				at = "."
			}
			if last && (strings.HasSuffix(target, "/") || strings.HasSuffix(target, "/.")) {
				mustDir = true
			}
			todo = append(splitPath(target), todo...)
		case !last && !info.IsDir():
			return res, &fs.PathError{Op: "resolve", Path: name, Err: syscall.ENOTDIR}
		case last && mustDir && !info.IsDir():
			return res, &fs.PathError{Op: "resolve", Path: name, Err: syscall.ENOTDIR}
		default:
			at = next
		}
	}
	res.Path = at
	return res, nil
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
