package htmlreport

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Findings are the known vulnerabilities of an image before and after.
type Findings struct {
	List   []Finding
	Source string // what they were looked up in, as a clause; may be empty
}

// Finding is one vulnerability in one package.
type Finding struct {
	ID       string // "CVE-2026-0001"
	Severity string // "critical", "high", "medium", "low", "none" or "unknown"
	Score    float64
	Package  string
	Version  string
	Before   bool   // the original has it
	After    bool   // the slim image has it
	Open     bool   // of one that the slim image has: nothing decides it yet
	Text     string // what is known or to be done, one sentence
}

// severities from the worst.
var severities = []string{"critical", "high", "medium", "low", "none", "unknown"}

func rank(severity string) int {
	if i := slices.Index(severities, severity); i >= 0 {
		return i
	}
	return len(severities)
}

// Counts says how many the original and the slim image have, and how many of the latter's are open.
func (f *Findings) Counts() (before, after, open int) {
	for i := range f.List {
		x := &f.List[i]
		if x.Before {
			before++
		}
		if x.After {
			after++
		}
		if x.After && x.Open {
			open++
		}
	}
	return before, after, open
}

// Left is how many findings of each severity the slim image has: "1 critical, 4 high"; "none" when there are none.
func (f *Findings) Left() string { return f.severities(func(x Finding) bool { return x.After }) }

func (f *Findings) severities(want func(Finding) bool) string {
	counts := map[string]int{}
	for _, x := range f.List {
		if want(x) {
			counts[severities[min(rank(x.Severity), len(severities)-1)]]++
		}
	}
	var parts []string
	for _, severity := range severities {
		if counts[severity] > 0 {
			parts = append(parts, Count(counts[severity])+" "+severity)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// Sorted lists findings: those that remain first, then by severity.
func (f *Findings) Sorted() []Finding {
	list := slices.Clone(f.List)
	remains := func(x Finding) int {
		if x.After {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(remains(a)-remains(b), rank(a.Severity)-rank(b.Severity), cmp.Compare(b.Score, a.Score),
			strings.Compare(a.ID, b.ID), strings.Compare(a.Package, b.Package), strings.Compare(a.Version, b.Version))
	})
	return list
}

// maxFindings bounds the rows of the page.
const maxFindings = 1000

func (f *Findings) section() section {
	s := section{ID: "vulnerabilities", Title: "Vulnerabilities"}
	s.Text = []string{fmt.Sprintf("Before: %s. After: %s.", f.severities(func(x Finding) bool { return x.Before }), f.Left())}
	if f.Source != "" {
		s.Text = append(s.Text, "Looked up in "+short(f.Source)+".")
	}
	t := table{Columns: columns("Severity", "#Score", "Vulnerability", "Package", "Now", "What is known"), Wide: true}
	for _, x := range f.Sorted() {
		t.Rows = append(t.Rows, x.row())
	}
	s.Tables = []table{t.cut(maxFindings, "")}
	return s
}

func (x Finding) row() []cell {
	now := cell{Text: "removed", State: good}
	switch {
	case x.After && x.Open:
		now = cell{Text: "open", State: bad}
	case x.After:
		now = cell{Text: "decided", State: fair}
	}
	score := cell{Number: true}
	if x.Score > 0 {
		score.Text = fmt.Sprintf("%.1f", x.Score)
	}
	return []cell{text(x.Severity), score, code(x.ID), text(x.Package + " " + x.Version), now, text(x.Text)}
}

// card is the figure at the top of the page.
func (f *Findings) card() card {
	before, after, open := f.Counts()
	c := card{Name: "Vulnerabilities", Value: Count(before) + " → " + Count(after), State: good, Note: "none is left"}
	if after > 0 {
		c.State, c.Note = fair, Plural(open, "is open", "are open")
	}
	return c
}
