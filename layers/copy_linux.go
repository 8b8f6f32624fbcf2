package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Item is one path to copy. A nil UID, GID or Mode means the source's own.
type Item struct {
	Path       string // clean, "." is the root
	UID, GID   *uint32
	Mode       *uint32 // permission bits, 07777
	Content    []byte  // instead of the source's bytes, when HasContent
	HasContent bool
	New        bool   // the source has no such path: Kind, UID, GID, Mode, Content and Link describe it completely
	Kind       string // of a new path: "file", "dir" or "symlink"
	Link       string // target of a new symlink

	NoCapability bool // without the source's file capabilities
}

// CopyOptions are the attributes that Copy cannot read from the source.
type CopyOptions struct {
	Epoch int64 // mtime of paths with content of their own, in seconds
	// Dirs gives the attributes of directories that are not items of this call but get new entries, because a lower layer created them.
	// A directory that is not listed gets the source's owner and mode.
	Dirs map[string]Item
}

// Copy writes items from src into dst, exactly as src has them: owner, mode with setuid and sticky bits, whole-second mtime,
// hard links among the items, symlinks, devices, fifos, file capabilities (security.capability, the only extended attribute
// that BuildKit's snapshots keep), holes. Missing parents are made with src's own owner and mode. An existing path of dst is
// replaced; an existing directory keeps its entries. Sockets are skipped. No link is ever followed, in src or in dst.
func Copy(dst, src *os.Root, items []Item, opt CopyOptions) error {
	c := &copier{dst: dst, src: src, opt: opt, links: map[inode]string{}, dirs: map[string]Item{}}
	sorted := slices.Clone(items)
	slices.SortFunc(sorted, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	for _, item := range sorted {
		if !validBytes(item.Path) {
			return fmt.Errorf("copying %q: it is no clean path", item.Path)
		}
		if err := c.copy(item); err != nil {
			return fmt.Errorf("copying %q: %w", item.Path, err)
		}
	}
	return c.finishDirs()
}

// inode names one file of the source.
type inode struct{ dev, ino uint64 }

type copier struct {
	dst, src *os.Root
	opt      CopyOptions
	links    map[inode]string // first name under which a file with several names was copied
	dirs     map[string]Item  // directories to finish: their times change with every entry
}

// parents creates the directories above name with the attributes of the source.
func (c *copier) parents(name string) error {
	dir := path.Dir(name)
	if dir == "." {
		return nil
	}
	if _, done := c.dirs[dir]; done {
		return nil
	}
	if err := c.parents(dir); err != nil {
		return err
	}
	item, ok := c.opt.Dirs[dir]
	if !ok {
		item = Item{Path: dir}
	}
	if !item.New {
		if info, err := c.src.Lstat(dir); err != nil {
			return err
		} else if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: unix.ENOTDIR}
		}
	}
	return c.mkdir(item)
}

func (c *copier) mkdir(item Item) error {
	if have, err := c.dst.Lstat(item.Path); err == nil && !have.IsDir() {
		if err := c.dst.Remove(item.Path); err != nil {
			return err
		}
	}
	if err := c.dst.Mkdir(item.Path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	c.dirs[item.Path] = item
	return nil
}

func (c *copier) copy(item Item) error {
	if item.Path == "." {
		c.dirs["."] = item
		return nil
	}
	if err := c.parents(item.Path); err != nil {
		return err
	}
	if item.New {
		return c.create(item)
	}
	info, err := c.src.Lstat(item.Path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return c.mkdir(item)
	}
	if item.HasContent && !info.Mode().IsRegular() {
		return fmt.Errorf("it shall have content but is no regular file")
	}
	if err := c.dst.RemoveAll(item.Path); err != nil {
		return err
	}
	stat := StatOf(info)
	id := inode{stat.Dev, stat.Ino}
	if stat.Nlink > 1 && !item.HasContent {
		if first, ok := c.links[id]; ok {
			if err := c.dst.Link(first, item.Path); err != nil || item.UID == nil && item.GID == nil && item.Mode == nil {
				return err
			}
			return c.attributes(item)
		}
		c.links[id] = item.Path
	}
	return c.node(item, info, stat)
}

// finishDirs sets owner, mode and time of every directory that was created or got new entries, deepest first: each new entry changes
// the time of its parent.
func (c *copier) finishDirs() error {
	names := make([]string, 0, len(c.dirs))
	for name := range c.dirs {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Reverse(names)
	for _, name := range names {
		if err := c.attributes(c.dirs[name]); err != nil {
			return fmt.Errorf("finishing directory %q: %w", name, err)
		}
	}
	return nil
}
