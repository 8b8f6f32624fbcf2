package layers

import (
	"io/fs"
	"sort"
	"syscall"
)

// Stat holds the fields of a file's inode that fs.FileInfo does not have.
type Stat struct {
	UID, GID uint32
	Nlink    uint64 // number of names; 1 where unknown
	Ino      uint64 // names with the same Dev and Ino are one file; 0 where unknown
	Dev      uint64
	Rdev     uint64 // of a device node
}

// StatOf reads the owner and identity from what Lstat of a RootFS returned.
func StatOf(info fs.FileInfo) Stat {
	switch sys := info.Sys().(type) {
	case *syscall.Stat_t:
		return Stat{UID: sys.Uid, GID: sys.Gid, Nlink: uint64(sys.Nlink), Ino: sys.Ino, Dev: uint64(sys.Dev), Rdev: uint64(sys.Rdev)}
	case interface{ Stat() Stat }:
		return sys.Stat()
	}
	return Stat{Nlink: 1}
}

func sortDirEntries(entries []fs.DirEntry) {
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
}
