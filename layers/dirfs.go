package layers

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// DirFS is the directory tree of root as an fs.ReadLinkFS. Unlike root.FS it takes every name Linux takes (also names that
// are not UTF-8), and no name reaches outside the directory. Links are not followed out of it: resolve first. Named pipes and devices
// cannot be opened.
func DirFS(root *os.Root) RootFS { return dirFS{root} }

// RootFS is a root filesystem: a directory (DirFS) or the merged layers of an image (Index).
// Lstat's FileInfo.Sys is the system's own for DirFS and *Inode for Index; use StatOf for owner and link count.
type RootFS interface {
	fs.ReadLinkFS
	fs.ReadDirFS
	fs.StatFS
}

type dirFS struct{ root *os.Root }

// errSpecial is the error for a file that is neither a regular one nor a directory.
var errSpecial = errors.New("not a regular file")

// Open opens a regular file or a directory. It does not wait for anybody, as an open of a named pipe would.
func (d dirFS) Open(name string) (fs.File, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: errSpecial}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (d dirFS) Stat(name string) (fs.FileInfo, error)  { return d.root.Stat(name) }
func (d dirFS) Lstat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }
func (d dirFS) ReadLink(name string) (string, error)   { return d.root.Readlink(name) }
func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	sortDirEntries(entries)
	return entries, err
}
