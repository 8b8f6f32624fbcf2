package layers

import (
	"encoding/binary"
	"fmt"
)

// capability is the only extended attribute that survives BuildKit's snapshots (containerd's archive writer drops the others).
const capability = "security.capability"

// FileCapabilities are the capabilities of a file. A process that executes the file gets the permitted ones that are in its bounding
// set and the inheritable ones that are in its own inheritable set. If Effective is set, the file cannot be executed without the
// permitted ones.
type FileCapabilities struct {
	Permitted, Inheritable uint64
	Effective              bool
}

// Capabilities reads the file capabilities of a regular file (security.capability), nil where it has none. name is physical.
func Capabilities(root RootFS, name string) (*FileCapabilities, error) {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	if n, ok := info.Sys().(*Inode); ok {
		return parseCapabilities([]byte(n.Capability))
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, ok := f.(interface{ Fd() uintptr })
	if !ok {
		return nil, nil
	}
	value, err := capabilityOf(file.Fd())
	if err != nil {
		return nil, err
	}
	return parseCapabilities(value)
}

// parseCapabilities reads a struct vfs_cap_data or vfs_ns_cap_data (linux/capability.h): little-endian words, the first with the revision
// and the effective bit, then permitted and inheritable of each 32 capabilities.
func parseCapabilities(value []byte) (*FileCapabilities, error) {
	if len(value) == 0 {
		return nil, nil
	}
	words := make([]uint64, 5)
	for i := range min(len(value)/4, len(words)) {
		words[i] = uint64(binary.LittleEndian.Uint32(value[4*i:]))
	}
	revision := words[0] >> 24
	if size := map[uint64]int{1: 12, 2: 20, 3: 24}[revision]; size == 0 || size != len(value) {
		return nil, fmt.Errorf("security.capability of revision %d with %d bytes", revision, len(value))
	}
	set := &FileCapabilities{Permitted: words[1], Inheritable: words[2], Effective: words[0]&1 != 0}
	if revision > 1 {
		set.Permitted, set.Inheritable = set.Permitted|words[3]<<32, set.Inheritable|words[4]<<32
	}
	return set, nil
}
