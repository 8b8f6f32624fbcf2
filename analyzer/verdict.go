package analyzer

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/layers"
)

// VerdictSchema names the version of Verdict.
const VerdictSchema = "slim/verdict/v1"

// Verdict says whether the slim image answers like the original.
type Verdict struct {
	Schema      string       `json:"schema"`
	OK          bool         `json:"ok"`                    // no differences; a missing look-up alone is no failure
	Checked     int          `json:"checked"`               // answers compared
	Connected   int          `json:"connected,omitempty"`   // ports besides that accept a connection and said nothing in the original
	Silent      int          `json:"silent,omitempty"`      // probes besides that got no answer from the original: waits and failures
	Differences []Difference `json:"differences,omitempty"` // answers that are not the original's
	// Missing are look-ups that failed in the slim image and succeed in the original.
	Missing []MissingPath `json:"missing,omitempty"`
	// Confined says that the slim image was run under its own profile: its user, a read-only root filesystem with its writable directories,
	// its capabilities, no_new_privs, its filter of system calls. Unconfined is why it was not, although it answers like the original without.
	Confined   bool     `json:"confined,omitempty"`
	Unfaithful []string `json:"unfaithful,omitempty"` // what of the profile the check could not apply, one sentence each
	Unconfined string   `json:"unconfined,omitempty"` // why the image does not pass under its profile
	// AnyUser says that it also answers as a user that it does not know, in group 0, under the same profile; AnyUserWhy why not.
	AnyUser    bool     `json:"anyUser,omitempty"`
	AnyUserWhy string   `json:"anyUserWhy,omitempty"` // why the image does not pass as an unknown user
	Volatile   []string `json:"volatile,omitempty"`   // probes whose answer also differs between two runs of the original
	Versions   []string `json:"versions,omitempty"`   // probes whose answers differ only in the version of an updated package
}

// Difference is one answer that is not the original's.
type Difference struct {
	Run   string      `json:"run"`            // name of the run
	Probe string      `json:"probe"`          // name of the probe
	What  string      `json:"what"`           // "status", "body", "stderr", "exit", "ready", "error"
	Want  string      `json:"want"`           // the original's, shortened to one line
	Got   string      `json:"got"`            // the slim image's, likewise
	Path  layers.Path `json:"path,omitempty"` // a path named in it, where one is
}

// String says in few words what is not as it was.
func (d Difference) String() string { return fmt.Sprintf("%s, %s: %s", d.Probe, d.What, d.Got) }

// Outcome is what the check showed, in one clause that every report uses: "12 answers, all identical to the original's". The evidence
// of the original's runs, which may be nil, has the ports that only accepted a connection: those are no answers.
func (v *Verdict) Outcome(evidence *Evidence) string {
	if !v.OK {
		return fmt.Sprintf("%d of %d answers differ from the original's", len(v.Differences), v.Checked)
	}
	connected := connectedOnly(evidence)
	var text string
	switch n, volatile := v.Checked, len(v.Volatile); {
	case n <= 0:
		text = "no answers to compare"
	case volatile > 0:
		text = fmt.Sprintf("%d answers, all identical to the original's except parts of %d that differ between its own two runs, too",
			n, volatile)
	case n == 1:
		text = "1 answer, identical to the original's"
	default:
		text = fmt.Sprintf("%d answers, all identical to the original's", n)
	}
	if n := v.Silent; n > 0 {
		text += fmt.Sprintf("; %d of %d probes got no answer", n, n+v.Checked+v.Connected)
	}
	if len(connected) > 0 {
		text += "; connected only: " + strings.Join(connected, ", ")
	}
	return text
}

// connectedOnly are the addresses that accepted a connection and gave no answer.
func connectedOnly(evidence *Evidence) []string {
	if evidence == nil {
		return nil
	}
	var list []string
	for i := range evidence.Runs {
		for j := range evidence.Runs[i].Answers {
			a := &evidence.Runs[i].Answers[j]
			if a.Connected && a.OK {
				list = append(list, strings.TrimPrefix(a.Probe, ConnectProbe))
			}
		}
	}
	return list
}
