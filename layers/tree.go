package layers

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// TreeFromTxtar is a root filesystem in memory, for tests: the archive's files (0644, root's, parents 0755), then, line by line,
// what its comment says: "dir PATH", "file PATH" (an empty one), "symlink PATH -> TARGET", "hardlink NEW OLD", "mode PATH 4755",
// "owner PATH 1:2", "capability PATH RAW". Other lines must be empty or begin with "#". Names have no leading slash and, in the comment, no blanks.
func TreeFromTxtar(b []byte) (RootFS, error) {
	archive := txtar.Parse(b)
	x := newTree()
	for _, f := range archive.Files {
		n := x.inode(Inode{Mode: 0o644, Size: int64(len(f.Data)), content: f.Data})
		if err := x.put(string(CleanPath(f.Name)), n, 0); err != nil {
			return nil, fmt.Errorf("tree: file %q: %w", f.Name, err)
		}
	}
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := x.directive(words); err != nil {
			return nil, fmt.Errorf("tree: %q: %w", line, err)
		}
	}
	x.finish()
	return x, nil
}

func (x *Index) directive(words []string) error {
	name := ""
	if len(words) > 1 {
		name = string(CleanPath(words[1]))
	}
	switch {
	case words[0] == "dir" && len(words) == 2:
		return x.put(name, x.inode(Inode{Mode: fs.ModeDir | 0o755}), 0)
	case words[0] == "file" && len(words) == 2:
		return x.put(name, x.inode(Inode{Mode: 0o644}), 0)
	case words[0] == "symlink" && len(words) == 4 && words[2] == "->":
		return x.put(name, x.inode(Inode{Mode: fs.ModeSymlink | 0o777, Link: words[3], Size: int64(len(words[3]))}), 0)
	case words[0] == "hardlink" && len(words) == 3:
		return x.link(name, string(CleanPath(words[2])), 0)
	case (words[0] == "mode" || words[0] == "owner" || words[0] == "capability") && len(words) == 3:
		n := x.find(name)
		if n == nil {
			return fs.ErrNotExist
		}
		if words[0] == "capability" {
			n.Capability = words[2]
			return nil
		}
		if words[0] == "owner" {
			_, err := fmt.Sscanf(words[2], "%d:%d", &n.UID, &n.GID)
			return err
		}
		mode, err := strconv.ParseUint(words[2], 8, 12)
		n.Mode = n.Mode.Type() | permissions(int64(mode))
		return err
	}
	return fmt.Errorf("not a directive")
}

// permissions turns the mode bits of stat(2) into Go's.
func permissions(mode int64) fs.FileMode {
	perm := fs.FileMode(mode & 0o777)
	for bit, flag := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			perm |= flag
		}
	}
	return perm
}
