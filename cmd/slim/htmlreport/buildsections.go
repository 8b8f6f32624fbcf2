package htmlreport

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
)

// Bounds of the tables, in rows.
const (
	maxSizes    = 10
	maxAnswers  = 200
	maxPrograms = 50
	maxFacts    = 30 // words of a list in one cell
)

func sizesSection(r *builder.Result) section {
	s := section{ID: "sizes", Title: "Where the bytes are", Map: true}
	sizes := r.Sizes
	if sizes == nil {
		made := analyzer.SizesOf(r.Plan)
		sizes = &made
	}
	if sizes.Floor > 0 {
		s.Text = []string{fmt.Sprintf("The slim image holds %s: %.2f times the %s that the run itself opened.", Bytes(sizes.Total), float64(sizes.Total)/float64(sizes.Floor), Bytes(sizes.Floor))}
	}
	for _, list := range []struct {
		title, column, filter string
		sizes                 []analyzer.Size
	}{{"Why it is kept", "Reason", "why:", sizes.Reasons}, {"By package", "Package", "pkg:", sizes.Packages}, {"By layer", "Layer", "", sizes.Layers}} {
		t := table{Title: list.title, Columns: columns(list.column, "#Files", "#Bytes", "")}
		for _, x := range list.sizes {
			t.Rows = append(t.Rows, []cell{filtered(list.filter, x.Name), count(x.Files), size(x.Bytes), bar(x.Bytes, sizes.Total)})
		}
		s.Tables = append(s.Tables, t.cut(maxSizes, ""))
	}
	return s
}

// filtered is a name that shows its paths when it is followed.
func filtered(filter, name string) cell {
	if name == "" {
		return text("(no package)")
	}
	c := text(name)
	if filter != "" && !strings.ContainsAny(c.Text, `"\`) {
		c.Link = query(filter + quoted(c.Text))
	}
	return c
}

// query is the address of the paths that a search finds, in the page.
func query(search string) string { return "#" + url.Values{"q": {search}}.Encode() }

// quoted is a word of a search, in quotation marks where it has spaces.
func quoted(s string) string {
	if strings.Contains(s, " ") {
		return `"` + s + `"`
	}
	return s
}

func checkCard(r *builder.Result) card {
	v := r.Verdict
	switch {
	case v == nil:
		return card{Name: "Check", Value: "not checked", Note: short(r.Unchecked), State: fair}
	case !v.OK:
		return card{Name: "Check", Value: fmt.Sprintf("%d differ", len(v.Differences)), Note: "of " + Plural(v.Checked, "answer", "answers"), State: bad}
	}
	c := card{Name: "Check", Value: Plural(v.Checked, "answer", "answers"), Note: "all like the original's", State: good}
	if len(v.Volatile) > 0 {
		c.Note = fmt.Sprintf("like the original's; %d vary by themselves", len(v.Volatile))
	}
	return c
}

// Rounds is how often a check sent its plan back, as the reasons say it.
func Rounds(plan *analyzer.Plan) int {
	rounds := 0
	for i := range plan.Files {
		for _, reason := range plan.Files[i].Reasons {
			if n, ok := reason.Rule.CheckRound(); ok {
				rounds = max(rounds, n)
			}
		}
	}
	return rounds
}

func checkSection(r *builder.Result) section {
	s := section{ID: "check", Title: "Check", Text: CheckText(r)}
	answers := table{Title: "Answers", Columns: columns("Run", "Probe", "#Status", "#Size", "Slim image"), Wide: true}
	for i := range runsOf(r) {
		run := &r.Evidence.Runs[i]
		for j := range run.Answers {
			a := &run.Answers[j]
			answers.Rows = append(answers.Rows, []cell{text(run.Name), code(a.Probe), status(a), size(a.Size), outcome(r, run.Name, a.Probe)})
		}
	}
	s.Tables = append(s.Tables, answers.cut(maxAnswers, " (evidence.json has all)"))
	if r.Verdict != nil {
		differ := table{Title: "Differences", Columns: columns("Run", "Probe", "What", "Was", "Is"), Wide: true}
		for _, d := range r.Verdict.Differences {
			differ.Rows = append(differ.Rows, []cell{text(d.Run), code(d.Probe), text(d.What), code(d.Want), code(d.Got)})
		}
		missing := table{Title: "Look-ups that fail in the slim image", Columns: columns("Path", "Error", "By")}
		for _, m := range r.Verdict.Missing {
			missing.Rows = append(missing.Rows, []cell{code(m.Path.String()), text(m.Errno), code(joined(m.By))})
		}
		s.Tables = append(s.Tables, differ.cut(maxAnswers, " (verdict.json has all)"), missing.cut(maxAnswers, " (verdict.json has all)"))
	}
	s.Tables = append(s.Tables, programs(r))
	return s
}

func runsOf(r *builder.Result) []analyzer.Run {
	if r.Evidence == nil {
		return nil
	}
	return r.Evidence.Runs
}

// status is what a probe got: an HTTP status or an exit code, or that it got nothing.
func status(a *analyzer.Answer) cell {
	if a.Error != "" {
		return cell{Text: short(a.Error), State: fair}
	}
	return cell{Text: fmt.Sprint(a.Status), Number: true}
}

// outcome says how the slim image answered a probe.
func outcome(r *builder.Result, run, probe string) cell {
	if r.Verdict == nil {
		return cell{Text: "not asked", State: fair}
	}
	for _, d := range r.Verdict.Differences {
		if d.Run == run && d.Probe == probe {
			return cell{Text: d.What + " differs", State: bad}
		}
	}
	if slices.Contains(r.Verdict.Volatile, probe) {
		return cell{Text: "varies by itself", State: fair}
	}
	return cell{Text: "the same", State: good}
}

// CheckText says in sentences how the check was made.
func CheckText(r *builder.Result) []string {
	v := r.Verdict
	if v == nil {
		return []string{"The slim image was not checked" + because(r.Unchecked) + "."}
	}
	var list []string
	switch n := Rounds(r.Plan); {
	case n > 0:
		list = append(list, fmt.Sprintf("What the slim image missed was added in %s.", Plural(n, "round", "rounds")))
	case v.OK:
		list = append(list, "The slim image answered like the original at once: nothing had to be added.")
	}
	switch {
	case v.Confined && r.Profile != nil:
		list = append(list, fmt.Sprintf("It ran under its own profile: as %d:%d on a read-only root filesystem, without capabilities, with %d of Linux' system calls.",
			r.Plan.User.UID, r.Plan.User.GID, len(profile.Allowed(*r.Profile))))
	case v.Unconfined != "":
		list = append(list, "It does not run under its own profile"+because(v.Unconfined)+".")
	}
	switch {
	case v.AnyUser:
		list = append(list, "It also works as a user that it does not know, in group 0.")
	case v.AnyUserWhy != "":
		list = append(list, "It does not work as a user that it does not know"+because(v.AnyUserWhy)+".")
	}
	return list
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(short(why), ".")
}

// programs lists what ran in the original.
func programs(r *builder.Result) table {
	t := table{Title: "Programs that ran", Columns: columns("Program", "Arguments", "#User"), Wide: true}
	if r.Evidence == nil {
		return t
	}
	for _, p := range r.Evidence.Processes {
		args := ""
		if len(p.Argv) > 1 {
			args = strings.Join(p.Argv[1:], " ")
		}
		t.Rows = append(t.Rows, []cell{code(p.Exe.String()), code(args), {Text: fmt.Sprintf("%d:%d", p.UID, p.GID), Number: true}})
	}
	return t.cut(maxPrograms, " (evidence.json has all)")
}
