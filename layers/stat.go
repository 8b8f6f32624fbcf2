package layers

import (
	"io/fs"
	"sort"
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
	if own, ok := info.Sys().(interface{ Stat() Stat }); ok {
		return own.Stat()
	}
	return systemStat(info)
}

func sortDirEntries(entries []fs.DirEntry) {
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
}
