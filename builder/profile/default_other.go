//go:build !linux

package profile

// defaultRules is empty: the module with the default profile has it on Linux alone.
func defaultRules() []rule { return nil }
