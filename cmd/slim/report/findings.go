package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/vuln"
)

// Findings are the known vulnerabilities of an image before and after.
type Findings struct {
	List   []Finding
	Source string // the database, as a clause; may be empty

	Incomplete []string // why the list of packages, and so List, is incomplete
}

// Finding is one vulnerability in one package.
type Finding struct {
	ID       string // "CVE-2026-0001"
	Severity string // "critical", "high", "medium", "low", "none" or "unknown"
	Score    float64
	Package  string
	Version  string
	Before   bool // the original has it
	After    bool // the slim image has it
	State    vuln.State
	Text     string // what is known or to be done, one sentence
	Kept     string // why the slim image has files of its package, a clause; may be empty
}

// Open reports whether somebody has yet to do something about the finding.
func (x *Finding) Open() bool { return x.State == vuln.StateOpen || x.State == "" }

// severities from the worst.
var severities = []string{"critical", "high", "medium", "low", "none", "unknown"}

func rank(severity string) int {
	if i := slices.Index(severities, severity); i >= 0 {
		return i
	}
	return len(severities)
}

// Counts returns how many findings the original and the slim image have, and how many of the latter are open.
func (f *Findings) Counts() (before, after, open int) {
	for i := range f.List {
		x := &f.List[i]
		if x.Before {
			before++
		}
		if x.After {
			after++
		}
		if x.After && x.Open() {
			open++
		}
	}
	return before, after, open
}

// Had is how many findings of each severity the original has, as Left.
func (f *Findings) Had() string { return f.severities(func(x Finding) bool { return x.Before }) }

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

// Sorted lists the findings: the open ones first, then the others that remain, by severity.
func (f *Findings) Sorted() []Finding {
	list := slices.Clone(f.List)
	remains := func(x Finding) int {
		switch {
		case x.After && x.Open():
			return 0
		case x.After:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(remains(a)-remains(b), rank(a.Severity)-rank(b.Severity), cmp.Compare(b.Score, a.Score),
			strings.Compare(a.ID, b.ID), strings.Compare(a.Package, b.Package), strings.Compare(a.Version, b.Version))
	})
	return list
}
