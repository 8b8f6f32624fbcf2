package html

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
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
		computed := analyzer.SizesOf(r.Plan)
		sizes = &computed
	}
	if floor := report.Floor(sizes); floor != "" {
		s.Text = []string{fmt.Sprintf("The slim image holds %s: %s.", report.Bytes(sizes.Total), floor)}
	}
	for _, list := range []struct {
		title, column, filter string
		sizes                 []analyzer.Size
	}{{"Why it is kept", "Reason", "why:", sizes.Reasons}, {"By package", "Package", "pkg:", sizes.Packages}, {"By layer", "Layer", "",
		sizes.Layers}} {
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
	c := report.CheckOf(r)
	return card{Name: "Check", Value: c.Short, Note: short(c.Outcome), State: c.State}
}

func checkSection(r *builder.Result) section {
	s := section{ID: "check", Title: "Check", Text: checkText(r)}
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
		missing := table{Title: "Paths that the slim image lacks", Columns: columns("Path", "Error", "By")}
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
	switch {
	case a.Error != "":
		return cell{Text: short(a.Error), State: fair}
	case a.Connected:
		return cell{Text: "connected only", State: fair}
	}
	return cell{Text: fmt.Sprint(a.Status), Number: true}
}

// outcome is how the slim image answered a probe.
func outcome(r *builder.Result, run, probe string) cell {
	text, state := report.AnswerOutcome(r.Verdict, run, probe)
	return cell{Text: short(text), State: state}
}

// checkText describes the check in sentences.
func checkText(r *builder.Result) []string {
	c := report.CheckOf(r)
	return shortAll(append([]string{sentence(c.Line())}, c.Sentences()...))
}

// sentence makes a sentence of a clause.
func sentence(clause string) string {
	return strings.ToUpper(clause[:1]) + strings.TrimSuffix(clause[1:], ".") + "."
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
