package analyzer

import "github.com/slimimage/slim/layers"

// Findings is what the checks of a slim image added to its plan and to its profile. A build collects it round by round, gives it to
// the analysis in a Request, and records it in its lock.
type Findings struct {
	Repair   [][]layers.Path `json:"repair,omitempty"`   // paths that the image lacked, by round: Repair[0] is round 1
	Writable []layers.Path   `json:"writable,omitempty"` // directories that its user must write in, beyond those of the evidence
	Syscalls []string        `json:"syscalls,omitempty"` // system calls of the checks, for the profile; a Request has none
	// Capabilities are granted to root because the check failed without one of them; a Request has none.
	Capabilities []string `json:"capabilities,omitempty"`
	// NeedsRoot is a difference that the image shows under any user but root, "" if it may run as another user.
	NeedsRoot string `json:"needsRoot,omitempty"`
}
