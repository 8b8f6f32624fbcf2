//go:build unix && !frontend

package engine

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// diskSize is the size of the file system of a directory, in bytes.
func diskSize(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Blocks) * int64(stat.Bsize), nil
}

// diskUse is a file's share of the disk, in bytes; st_blocks counts units of 512 bytes (stat(2)).
func diskUse(info fs.FileInfo) int64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Size()
	}
	return stat.Blocks * 512 / max(1, int64(stat.Nlink))
}
