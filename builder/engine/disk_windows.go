//go:build !frontend

package engine

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// diskSize is the size of the volume of a directory, in bytes.
func diskSize(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var total uint64
	err = windows.GetDiskFreeSpaceEx(name, nil, &total, nil)
	return int64(total), err
}

// diskUse is a file's share of the disk, in bytes.
func diskUse(info fs.FileInfo) int64 { return info.Size() }
