package layers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// node copies a path that is neither a directory nor another name of a copied file.
func (c *copier) node(item Item, info fs.FileInfo, stat Stat) error {
	switch info.Mode().Type() {
	case 0:
		if err := c.file(item, info); err != nil {
			return err
		}
	case fs.ModeSymlink:
		target, err := c.src.Readlink(item.Path)
		if err != nil {
			return err
		}
		if err := c.dst.Symlink(target, item.Path); err != nil {
			return err
		}
	case fs.ModeSocket:
		return nil
	default:
		if err := c.special(item.Path, info, stat); err != nil {
			return err
		}
	}
	return c.attributes(item)
}

func (c *copier) special(name string, info fs.FileInfo, stat Stat) error {
	kind := uint32(unix.S_IFIFO)
	switch {
	case info.Mode()&fs.ModeCharDevice != 0:
		kind = unix.S_IFCHR
	case info.Mode()&fs.ModeDevice != 0:
		kind = unix.S_IFBLK
	}
	parent, err := c.dst.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := unix.Mknodat(int(parent.Fd()), path.Base(name), kind|0o600, int(stat.Rdev)); err != nil {
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w: it needs CAP_MKNOD, which a user namespace does not give for devices", err)
		}
		return fmt.Errorf("making a device node or fifo: %w", err)
	}
	return nil
}

// create makes a path that the source does not have.
func (c *copier) create(item Item) error {
	switch item.Kind {
	case "dir":
		return c.mkdir(item)
	case "symlink":
		if err := c.dst.RemoveAll(item.Path); err != nil {
			return err
		}
		if err := c.dst.Symlink(item.Link, item.Path); err != nil {
			return err
		}
	case "file":
		if err := c.dst.RemoveAll(item.Path); err != nil {
			return err
		}
		if err := c.write(item); err != nil {
			return err
		}
	default:
		return fmt.Errorf("a new path cannot be a %q", item.Kind)
	}
	return c.attributes(item)
}

func (c *copier) write(item Item) (err error) {
	f, err := c.dst.OpenFile(item.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(item.Content)
	return err
}

func (c *copier) file(item Item, info fs.FileInfo) (err error) {
	if item.HasContent {
		return c.write(item)
	}
	// O_NOFOLLOW and O_NONBLOCK: the path may have been replaced since the check, by a symlink or by a fifo that would block.
	in, err := c.src.OpenFile(item.Path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.dst.OpenFile(item.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return copyData(out, in, info.Size())
}

// copyData copies the data of in and leaves its holes: SEEK_DATA and SEEK_HOLE, lseek(2). io.Copy uses copy_file_range(2).
func copyData(out, in *os.File, size int64) error {
	for at := int64(0); at < size; {
		data, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // only a hole is left
		}
		if err != nil {
			data = at
		}
		end, err := unix.Seek(int(in.Fd()), data, unix.SEEK_HOLE)
		if err != nil || end <= data {
			end = size
		}
		if _, err := in.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if n, err := io.Copy(out, io.LimitReader(in, end-data)); err != nil {
			return err
		} else if n != end-data {
			return fmt.Errorf("%w after %d of %d bytes", io.ErrUnexpectedEOF, data+n, size)
		}
		at = end
	}
	return out.Truncate(size)
}
