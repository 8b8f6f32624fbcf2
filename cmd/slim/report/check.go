package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
)

// State is how a reader should take a fact. Reports show it as a mark and in words, never by colour alone.
type State string

const (
	Good State = "good"
	Fair State = "fair" // worth a look
	Bad  State = "bad"
)

// Check is a check in words. The text summary, the Markdown and the page all print these, so that they cannot disagree.
type Check struct {
	State   State
	Short   string // "passed", "2 differ", "not checked"
	Outcome string // "12 answers, all identical to the original's"; why there was no check
	// Confined is the confinement under which the slim image passed, as a predicate: "as 33:33 with a read-only root filesystem, ...".
	// Unconfined is why it does not run under its profile. Both are empty where neither is known.
	Confined, Unconfined string
	Unfaithful           []string // what of the confinement the check could not apply
	// AnyUser is true where the image also works as an arbitrary user in group 0; AnyUserWhy is why it does not.
	AnyUser    bool
	AnyUserWhy string
	Exercised  string // how much the runs showed: "3 of 12 kept programs ran; 9 of 14 probes got content"
	Rounds     int    // how often the check added what was missing
}

// CheckOf returns the check of a result, which has a plan.
func CheckOf(r *builder.Result) Check {
	v := r.Verdict
	exercised := analyzer.Exercised(r.Plan, r.Evidence)
	if v == nil {
		return Check{State: Fair, Short: "not checked", Outcome: r.Unchecked, Exercised: exercised}
	}
	c := Check{State: Good, Short: "passed", Outcome: v.Outcome(r.Evidence), Unconfined: v.Unconfined, Unfaithful: v.Unfaithful,
		AnyUser: v.AnyUser, AnyUserWhy: v.AnyUserWhy, Rounds: rounds(r.Plan), Exercised: exercised}
	if v.Confined && r.Profile != nil {
		c.Confined = fmt.Sprintf("as %s with a read-only root filesystem, %s and %d allowed system calls",
			User(r.Plan.User), privileges(r.Profile), len(profile.Allowed(*r.Profile)))
	}
	switch {
	case !v.OK:
		c.State, c.Short = Bad, fmt.Sprintf("%d differ", len(v.Differences))
	case v.Checked == 0:
		c.State, c.Short = Fair, "nothing compared"
	case !v.Confined:
		c.State = Fair
	}
	return c
}

// privileges are the rights that a profile grants: "no capabilities", or which.
func privileges(m *profile.Model) string {
	text := "no capabilities"
	if granted := m.ShortCapabilities(); len(granted) > 0 {
		text = "the capabilities " + strings.Join(granted, ", ")
	}
	if m.NewPrivileges {
		text += ", without no_new_privs"
	}
	return text
}

// rounds is how often a check added paths to its plan.
func rounds(plan *analyzer.Plan) int {
	most := 0
	for i := range plan.Files {
		for _, reason := range plan.Files[i].Reasons {
			if n, ok := reason.Rule.CheckRound(); ok {
				most = max(most, n)
			}
		}
	}
	return most
}

// Line is the outcome in one line for a terminal.
func (c Check) Line() string {
	if c.Short == "not checked" {
		return c.Short + clause(c.Outcome)
	}
	return "checked: " + c.Outcome
}

// Sentences describe how the check was made, one fact each; the outcome is not among them.
func (c Check) Sentences() []string {
	var list []string
	if c.Exercised != "" {
		list = append(list, strings.ToUpper(c.Exercised[:1])+c.Exercised[1:]+".")
	}
	switch {
	case c.Rounds > 0:
		list = append(list, fmt.Sprintf("The check added missing paths in %s.", Plural(c.Rounds, "round", "rounds")))
	case c.State == Good || c.State == Fair && c.Short == "passed":
		list = append(list, "The slim image passed at once: the check added no paths.")
	}
	switch {
	case c.Confined != "":
		list = append(list, "It was checked under its own profile: "+c.Confined+".")
	case c.Unconfined != "":
		list = append(list, "It does not run under its own profile"+because(c.Unconfined)+".")
	}
	for _, why := range c.Unfaithful {
		list = append(list, "The check could not apply the whole profile"+because(why)+".")
	}
	switch {
	case c.AnyUser:
		list = append(list, "It also works as an arbitrary user in group 0.")
	case c.AnyUserWhy != "":
		list = append(list, "It does not work as an arbitrary user in group 0"+because(c.AnyUserWhy)+".")
	}
	return list
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(why, ".")
}

// AnswerOutcome says how the slim image answered one probe of a run.
func AnswerOutcome(v *analyzer.Verdict, run, probe string) (string, State) {
	if v == nil {
		return "not asked", Fair
	}
	for _, d := range v.Differences {
		if d.Run == run && d.Probe == probe {
			return d.What + " differs", Bad
		}
	}
	for _, name := range v.Volatile {
		if name == probe {
			return "varies in the original too", Fair
		}
	}
	return "identical", Good
}

// Failed reports whether a result was exported (--keep-going) although a run or the check failed.
func Failed(r *builder.Result) bool {
	if r.Verdict != nil && !r.Verdict.OK {
		return true
	}
	if r.Evidence != nil {
		for _, run := range r.Evidence.Runs {
			if run.Failure != "" {
				return true
			}
		}
	}
	return false
}
