package layers

import (
	"io"
	"io/fs"
	"syscall"
	"time"
)

// info is an inode under one name.
type info struct {
	name string
	n    *Inode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.n.Size }
func (i info) Mode() fs.FileMode  { return i.n.Mode }
func (i info) ModTime() time.Time { return time.Unix(i.n.ModTime, 0) }
func (i info) IsDir() bool        { return i.n.Mode.IsDir() }
func (i info) Sys() any           { return i.n }

// file is an open file or directory of an Index.
type file struct {
	info    info
	reader  io.ReadCloser // nil for a directory
	entries []fs.DirEntry
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *file) Read(b []byte) (int, error) {
	if f.reader == nil {
		return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: syscall.EISDIR}
	}
	return f.reader.Read(b)
}

// ReadDir implements fs.ReadDirFile.
func (f *file) ReadDir(count int) ([]fs.DirEntry, error) {
	if f.reader != nil {
		return nil, &fs.PathError{Op: "readdir", Path: f.info.name, Err: syscall.ENOTDIR}
	}
	if count > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if count <= 0 || count > len(f.entries) {
		count = len(f.entries)
	}
	list := f.entries[:count]
	f.entries = f.entries[count:]
	return list, nil
}

func (f *file) Close() error {
	if f.reader == nil {
		return nil
	}
	return f.reader.Close()
}
