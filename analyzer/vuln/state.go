package vuln

import "fmt"

// State is the decision on a finding of an image or of the image it was made of. Every finding has exactly one. docs/hardening.md,
// "Decisions", says what each means in every document; all views of a report take it from here.
type State string

// The states.
const (
	StateRemoved     State = "removed"      // the image has no file of its package
	StateUpdated     State = "updated"      // the image has its package in another version, which the finding is not in
	StateNotAffected State = "not affected" // Decision.Evidence says why
	StateAccepted    State = "accepted"     // the risk, until Decision.Until
	StateOpen        State = "open"         // somebody has yet to do something
)

// States are all states, in the order of summaries.
var States = []State{StateRemoved, StateUpdated, StateNotAffected, StateAccepted, StateOpen}

// state is the decision on a finding that the image has.
func (d *Decision) state() State {
	switch {
	case d.Evidence != "":
		return StateNotAffected
	case d.Accepted != nil:
		return StateAccepted
	}
	return StateOpen
}

// Open reports whether somebody has yet to do something about a finding. A decision without a state is open.
func (d *Decision) Open() bool { return d.State == StateOpen || d.State == "" }

// Present reports whether the image has the finding, whatever was decided about it.
func (d *Decision) Present() bool { return d.State != StateRemoved && d.State != StateUpdated }

// All are the decisions on every finding of the image and of the image it was made of: those on the image's own first.
func (r *Report) All() []Decision {
	return append(r.Decisions[:len(r.Decisions):len(r.Decisions)], r.Gone...)
}

// Count is the number of findings in a state.
func (r *Report) Count(state State) int {
	n := 0
	for _, d := range r.All() {
		if d.State == state || d.State == "" && state == StateOpen {
			n++
		}
	}
	return n
}

// Open counts the findings that somebody has yet to do something about.
func (r *Report) Open() int { return r.Count(StateOpen) }

// removed and updated are the decisions on findings that an image no longer has.
func removed(f Finding) Decision {
	text := "its package is not in the image"
	if n := len(f.Package.Files); n > 0 {
		text += fmt.Sprintf(", nor is any of the %d files of it", n)
	}
	return Decision{Finding: f, State: StateRemoved, Before: true, Text: text}
}

func updated(f Finding, now Package) Decision {
	return Decision{Finding: f, State: StateUpdated, Before: true, Now: &now, Text: plain("its package is now "+now.Version, maxTitle)}
}
