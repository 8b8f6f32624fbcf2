//go:build !linux

package profile

// defaultRules is empty: the module with the default profile has it only on Linux.
func defaultRules() []rule { return nil }
