package analyzer

import (
	"fmt"

	"github.com/slimimage/slim/layers"
)

// VerdictSchema names the version of Verdict.
const VerdictSchema = "slim/verdict/v1"

// Verdict says whether the slim image answers like the original.
type Verdict struct {
	Schema      string       `json:"schema"`
	OK          bool         `json:"ok"`      // no differences; a missing look-up alone is no failure
	Checked     int          `json:"checked"` // answers compared
	Differences []Difference `json:"differences,omitempty"`
	// Missing are look-ups that failed in the slim image and succeed in the original.
	Missing []MissingPath `json:"missing,omitempty"`
	// Confined says that the slim image was run under its own profile: its user, a read-only root filesystem, no capabilities, its filter of
	// system calls, no network. Unconfined is why it was not, although it answers like the original without.
	Confined   bool   `json:"confined,omitempty"`
	Unconfined string `json:"unconfined,omitempty"`
	// AnyUser says that it also answers as a user that it does not know, in group 0, under the same profile; AnyUserWhy why not.
	AnyUser    bool     `json:"anyUser,omitempty"`
	AnyUserWhy string   `json:"anyUserWhy,omitempty"`
	Volatile   []string `json:"volatile,omitempty"` // probes whose answer also differs between two runs of the original
}

// Difference is one answer that is not the original's.
type Difference struct {
	Run   string      `json:"run"`
	Probe string      `json:"probe"`
	What  string      `json:"what"` // "status", "body", "stderr", "exit", "ready", "error"
	Want  string      `json:"want"` // the original's, shortened to one line
	Got   string      `json:"got"`
	Path  layers.Path `json:"path,omitempty"` // a path named in it, where one is
}

// String says in few words what is not as it was.
func (d Difference) String() string { return fmt.Sprintf("%s, %s: %s", d.Probe, d.What, d.Got) }
