package layers

import (
	"errors"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// attributes gives a copied path its owner, mode, capability and time, in this order: chown clears setuid bits and
// capabilities (chown(2), capabilities(7)).
func (c *copier) attributes(item Item) error {
	stat, err := c.sourceStat(item)
	if err != nil {
		return err
	}
	parent, err := c.dst.Open(path.Dir(item.Path))
	if err != nil {
		return err
	}
	defer parent.Close()
	fd, base := int(parent.Fd()), path.Base(item.Path)
	if err := unix.Fchownat(fd, base, int(stat.Uid), int(stat.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "chown", Path: item.Path, Err: err}
	}
	link := stat.Mode&unix.S_IFMT == unix.S_IFLNK
	if !link {
		if err := unix.Fchmodat(fd, base, stat.Mode&0o7777, 0); err != nil {
			return &fs.PathError{Op: "chmod", Path: item.Path, Err: err}
		}
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFREG && !item.New && !item.HasContent && !item.NoCapability {
		if err := c.copyCapability(item.Path); err != nil {
			return &fs.PathError{Op: "setxattr " + capability, Path: item.Path, Err: err}
		}
	}
	times := []unix.Timespec{{Sec: stat.Mtim.Sec}, {Sec: stat.Mtim.Sec}}
	if err := unix.UtimesNanoAt(fd, base, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "utimens", Path: item.Path, Err: err}
	}
	return nil
}

// sourceStat returns the attributes to set on a path: those of the source, overridden by those of the item.
func (c *copier) sourceStat(item Item) (unix.Stat_t, error) {
	stat := unix.Stat_t{Mode: newMode(item.Kind), Mtim: unix.Timespec{Sec: c.opt.Epoch}}
	if !item.New {
		parent, err := c.src.Open(path.Dir(item.Path))
		if err != nil {
			return stat, err
		}
		defer parent.Close()
		if err := unix.Fstatat(int(parent.Fd()), path.Base(item.Path), &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return stat, &fs.PathError{Op: "lstat", Path: item.Path, Err: err}
		}
		if item.HasContent {
			stat.Mtim = unix.Timespec{Sec: c.opt.Epoch}
		}
	}
	if item.UID != nil {
		stat.Uid = *item.UID
	}
	if item.GID != nil {
		stat.Gid = *item.GID
	}
	if item.Mode != nil {
		stat.Mode = stat.Mode&unix.S_IFMT | *item.Mode&0o7777
	}
	return stat, nil
}

func newMode(kind string) uint32 {
	switch kind {
	case "dir":
		return unix.S_IFDIR | 0o755
	case "symlink":
		return unix.S_IFLNK | 0o777
	}
	return unix.S_IFREG | 0o644
}

func (c *copier) copyCapability(name string) error {
	in, err := c.src.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	value, err := capabilityOf(in.Fd())
	if err != nil || len(value) == 0 {
		return err
	}
	out, err := c.dst.Open(name)
	if err != nil {
		return err
	}
	defer out.Close()
	return unix.Fsetxattr(int(out.Fd()), capability, value, 0)
}

// capabilityOf reads the raw capabilities of an open file. The result is empty if the file has none.
func capabilityOf(fd uintptr) ([]byte, error) {
	value := make([]byte, 64) // struct vfs_ns_cap_data is 24 bytes (linux/capability.h)
	n, err := unix.Fgetxattr(int(fd), capability, value)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return value[:n], nil
}
