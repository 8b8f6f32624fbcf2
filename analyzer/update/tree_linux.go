package update

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of what is remembered of a root filesystem.
const (
	maxEntries = 5_000_000
	maxKept    = 256 << 20 // bytes of the files that keep their content
)

// tree is the state of a root filesystem before an installation.
type tree struct {
	root    string
	rules   Leftovers
	began   time.Time
	entries map[string]entry // by path without leading slash
	kept    map[string][]byte
	mounts  map[string]bool
}

// entry is what shows that a path was changed.
type entry struct {
	mtime, ctime int64
	inode        uint64
	mode         uint32
	uid, gid     uint32
}

// look notes the state of a root filesystem.
func look(root string, rules Leftovers) (*tree, error) {
	t := &tree{root: root, rules: rules, began: time.Now().Add(-time.Second), entries: map[string]entry{}, kept: map[string][]byte{}}
	var err error
	if t.mounts, err = mountPoints(); err != nil {
		return nil, err
	}
	total := 0
	return t, t.walk(func(name string, e entry) error {
		if t.entries[name] = e; len(t.entries) > maxEntries {
			return fmt.Errorf("the image has more than %d files", maxEntries)
		}
		if e.mode&unix.S_IFMT != unix.S_IFREG || !matches(rules.Restore, name) {
			return nil
		}
		data, err := os.ReadFile(t.path(name))
		if total += len(data); err == nil && total > maxKept {
			err = fmt.Errorf("the logs of the image have more than %d MiB", maxKept>>20)
		}
		t.kept[name] = data
		return err
	})
}

func (t *tree) path(name string) string { return path.Join(t.root, name) }

// mountPoints are the paths below which the root filesystem has something that is not the image's.
func mountPoints() (map[string]bool, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	points := map[string]bool{"/.slim": true}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] != "/" { // proc_pid_mountinfo(5)
			points[fields[4]] = true
		}
	}
	return points, nil
}

// walk visits the paths of the image, and no mount.
func (t *tree) walk(visit func(name string, e entry) error) error {
	return fs.WalkDir(os.DirFS(t.root), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if t.mounts[t.path(name)] && name != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		var stat unix.Stat_t
		if err := unix.Lstat(t.path(name), &stat); err != nil {
			return err
		}
		return visit(name, entry{stat.Mtim.Nano(), stat.Ctim.Nano(), stat.Ino, stat.Mode, stat.Uid, stat.Gid})
	})
}

// settle removes what the package manager left, gives the files that keep their content their former state, and gives what else was made
// or changed since look the time epoch, unless its time is that of a package.
func (t *tree) settle(epoch int64) error {
	if err := t.clean(); err != nil {
		return err
	}
	for name, data := range t.kept {
		if err := t.restore(name, data); err != nil {
			return err
		}
	}
	return t.walk(func(name string, e entry) error {
		was, there := t.entries[name]
		if !t.holds(name) && (e.mtime < t.began.UnixNano() || there && was.mtime == e.mtime) {
			return nil
		}
		at := []unix.Timespec{{Sec: epoch}, {Sec: epoch}}
		return unix.UtimesNanoAt(unix.AT_FDCWD, t.path(name), at, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// holds reports whether a directory has a mount: the container runtime may have made the mount point and so changed the directory's time.
func (t *tree) holds(name string) bool {
	for point := range t.mounts {
		if path.Dir(point) == t.path(name) {
			return true
		}
	}
	return false
}

// clean removes what is new or changed of Leftovers.Remove, and what is new of Leftovers.Restore.
func (t *tree) clean() error {
	var dirs, files []string
	err := t.walk(func(name string, e entry) error {
		was, there := t.entries[name]
		remove, restore := matches(t.rules.Remove, name), matches(t.rules.Restore, name)
		switch {
		case !remove && !restore || there && was == e || there && restore:
		case e.mode&unix.S_IFMT == unix.S_IFDIR:
			if !there {
				dirs = append(dirs, name)
			}
		default:
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := os.Remove(t.path(name)); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(dirs) { // each after what it contains; one that is not empty has something else
		if err := os.Remove(t.path(name)); err != nil && !errors.Is(err, unix.ENOTEMPTY) {
			return err
		}
	}
	return nil
}

// restore gives a file its former content, owner, mode and time.
func (t *tree) restore(name string, data []byte) error {
	was := t.entries[name]
	var stat unix.Stat_t
	err := unix.Lstat(t.path(name), &stat)
	if err == nil && stat.Mtim.Nano() == was.mtime && stat.Ino == was.inode {
		return nil
	}
	if err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("the update replaced %q by something that is not a file", name)
	}
	if err := os.WriteFile(t.path(name), data, 0o600); err != nil {
		return err
	}
	if err := os.Chown(t.path(name), int(was.uid), int(was.gid)); err != nil {
		return err
	}
	if err := unix.Chmod(t.path(name), was.mode&0o7777); err != nil {
		return err
	}
	at := []unix.Timespec{unix.NsecToTimespec(was.mtime), unix.NsecToTimespec(was.mtime)}
	return unix.UtimesNanoAt(unix.AT_FDCWD, t.path(name), at, unix.AT_SYMLINK_NOFOLLOW)
}

// matches reports whether a path has one of the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}
