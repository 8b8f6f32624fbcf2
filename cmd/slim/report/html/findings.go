package html

import (
	"fmt"

	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/cmd/slim/report"
)

// maxFindings bounds the rows of the page.
const maxFindings = 1000

func findingsSection(f *report.Findings) section {
	s := section{ID: "vulnerabilities", Title: "Vulnerabilities"}
	s.Text = []string{fmt.Sprintf("Before: %s. After: %s.", f.Had(), f.Left())}
	if f.Source != "" {
		s.Text = append(s.Text, "Looked up in "+short(f.Source)+".")
	}
	for _, reason := range f.Incomplete {
		s.Text = append(s.Text, short("The list of packages is incomplete: "+reason+"."))
	}
	t := table{Columns: columns("Severity", "#Score", "Vulnerability", "Package", "Decision", "What is known", "Kept because"), Wide: true}
	for _, x := range f.Sorted() {
		t.Rows = append(t.Rows, findingRow(x))
	}
	s.Tables = []table{t.cut(maxFindings, "")}
	return s
}

func findingRow(x report.Finding) []cell {
	now := cell{Text: string(x.State), State: good}
	switch {
	case x.Open():
		now = cell{Text: string(vuln.StateOpen), State: bad}
	case x.After:
		now.State = fair
	}
	score := cell{Number: true}
	if x.Score > 0 {
		score.Text = fmt.Sprintf("%.1f", x.Score)
	}
	return []cell{text(x.Severity), score, code(x.ID), text(x.Package + " " + x.Version), now, text(x.Text), text(x.Kept)}
}

// findingsCard is the figure at the top of the page.
func findingsCard(f *report.Findings) card {
	before, after, open := f.Counts()
	c := card{Name: "Vulnerabilities", Value: report.Count(before) + " → " + report.Count(after), State: good, Note: "none is left"}
	if after > 0 {
		c.State, c.Note = fair, report.Plural(open, "is open", "are open")
	}
	if len(f.Incomplete) > 0 {
		c.State, c.Note = bad, "of an incomplete list of packages"
	}
	return c
}
