//go:build !linux

package layers

// capabilityOf finds none: only Linux has file capabilities, and root filesystems as directories.
func capabilityOf(uintptr) ([]byte, error) { return nil, nil }
