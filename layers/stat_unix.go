//go:build unix

package layers

import (
	"io/fs"
	"syscall"
)

// systemStat is StatOf of a file of this machine.
func systemStat(info fs.FileInfo) Stat {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Stat{Nlink: 1}
	}
	return Stat{UID: sys.Uid, GID: sys.Gid, Nlink: uint64(sys.Nlink), Ino: sys.Ino, Dev: uint64(sys.Dev), Rdev: uint64(sys.Rdev)}
}
