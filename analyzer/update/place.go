package update

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/layers"
)

// placer puts the files of a package into a root filesystem in which nothing runs. No link of it leads out of it.
type placer struct {
	root      *os.Root
	fsys      layers.RootFS
	conffiles []string        // absolute paths; those that are there stay
	placed    map[string]bool // physical paths of what the package has
}

// physical is where a path of a package is: its parent resolved, the last component as it is. The parent may be missing.
func (p *placer) physical(name string) (string, error) {
	res, err := layers.Resolve(p.fsys, ".", "/"+path.Dir(name), true)
	if err != nil {
		return "", err
	}
	return path.Join(res.Path, res.Rest, path.Base(name)), nil
}

// place copies a tree into the root filesystem, with owners, modes and times.
func (p *placer) place(tree string) error {
	return fs.WalkDir(os.DirFS(tree), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		where, err := p.physical(name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		there, err := p.root.Lstat(where)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		p.placed[where] = true
		switch {
		case d.IsDir() && there != nil: // perhaps a link to a directory
			return nil
		case there != nil && slices.Contains(p.conffiles, "/"+name):
			return nil
		case there != nil && there.IsDir():
			return fmt.Errorf("%s is a directory of the image and not one of the package", printable.Short(name, maxField))
		}
		return p.copy(path.Join(tree, name), where, info)
	})
}

// copy makes one file, link or directory.
func (p *placer) copy(from, to string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		if err := p.root.Mkdir(to, 0o700); err != nil {
			return err
		}
	case info.Mode()&fs.ModeSymlink != 0:
		return p.link(from, to, info)
	case info.Mode().IsRegular():
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		if err := errors.Join(p.replace(to, f), f.Close()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s is neither a file nor a link nor a directory", printable.Short(to, maxField))
	}
	return p.describe(to, info)
}

// link makes a symlink.
func (p *placer) link(from, to string, info fs.FileInfo) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if err := p.root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.root.Symlink(target, to); err != nil {
		return err
	}
	owner := layers.StatOf(info)
	return p.root.Lchown(to, int(owner.UID), int(owner.GID))
}

// describe gives a file or a directory its owner, mode and time.
func (p *placer) describe(to string, info fs.FileInfo) error {
	owner := layers.StatOf(info)
	if err := p.root.Lchown(to, int(owner.UID), int(owner.GID)); err != nil {
		return err
	}
	if err := p.root.Chmod(to, info.Mode()); err != nil {
		return err
	}
	return p.root.Chtimes(to, info.ModTime(), info.ModTime())
}

// replace writes a file beside the path and renames it into place: what has the old one open, or is another link of it, keeps it.
func (p *placer) replace(to string, content io.Reader) error {
	next := path.Join(path.Dir(to), ".slim-new")
	f, err := p.root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return p.root.Rename(next, to)
}

// write replaces the content of a file, which keeps its owner and mode; a new one is root's and readable for all.
func (p *placer) write(name string, data []byte) error {
	was, err := p.root.Lstat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.replace(name, strings.NewReader(string(data))); err != nil {
		return err
	}
	if was == nil || !was.Mode().IsRegular() {
		return p.root.Chmod(name, 0o644)
	}
	owner := layers.StatOf(was)
	return errors.Join(p.root.Lchown(name, int(owner.UID), int(owner.GID)), p.root.Chmod(name, was.Mode()))
}

// removeOld removes the files that the old version of the package listed and that neither the new one nor another package has, and links in
// the same directories that led to them.
func (p *placer) removeOld(records []packages.StatusRecord, of int) error {
	others := map[string]bool{}
	for i, r := range records {
		for _, name := range r.Sums {
			if i == of {
				continue
			}
			if where, err := p.physical(name); err == nil {
				others[where] = true
			}
		}
	}
	for _, name := range records[of].Sums {
		where, err := p.physical(name)
		if err != nil {
			return err
		}
		info, err := p.root.Lstat(where)
		if err != nil || !info.Mode().IsRegular() || p.placed[where] || others[where] {
			continue
		}
		if err := p.root.Remove(where); err != nil {
			return err
		}
		if err := p.unlink(where); err != nil {
			return err
		}
	}
	return nil
}

// unlink removes the links to a removed file beside it.
func (p *placer) unlink(removed string) error {
	entries, err := p.fsys.ReadDir(path.Dir(removed))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(path.Dir(removed), entry.Name())
		if entry.Type()&fs.ModeSymlink == 0 || p.placed[name] {
			continue
		}
		if target, err := p.root.Readlink(name); err == nil && target == path.Base(removed) {
			if err := p.root.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}
