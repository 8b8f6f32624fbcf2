package drift

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/sarif"
	"github.com/slimimage/slim/analyzer/vuln"
)

// Row is a line of the table: what was looked at, and what is to be done.
type Row struct {
	What, Action, Text string
}

// Rows is the table of a report: bases, findings, risks.
func (r *Report) Rows() []Row {
	var rows []Row
	for _, b := range r.Bases {
		if b.Moved {
			rows = append(rows, Row{"base", string(ActionRebuild), fmt.Sprintf("%s moved from %s to %s", b.Reference, b.Locked, b.Now)})
		} else {
			rows = append(rows, Row{"base", "", fmt.Sprintf("%s is still %s", b.Reference, b.Locked)})
		}
	}
	for i := range r.Findings {
		rows = append(rows, Row{"finding", string(r.Findings[i].Action), r.Findings[i].text()})
	}
	for i := range r.Risks {
		rows = append(rows, Row{"risk", string(ActionDecide), r.Risks[i].text()})
	}
	return rows
}

func (f *Finding) text() string {
	text := fmt.Sprintf("%s %s in %s %s", f.Severity, f.ID, f.Package, f.Version)
	switch f.Action {
	case ActionRebuild:
		text += ", fixed in " + f.Fixed
	case ActionEdit:
		text += fmt.Sprintf(", fixed in %s: raise it in the application's manifest", f.Fixed)
	default:
		text += ", no newer version is known to fix it"
	}
	if f.New {
		text += " (new)"
	}
	return text
}

func (k *Risk) text() string {
	text := "the acceptance of " + k.ID
	if k.Package != "" {
		text += " in " + k.Package
	}
	if k.Expired {
		return text + " expired on " + k.Until
	}
	return text + " ends on " + k.Until
}

// Lines is the report as text.
func (r *Report) Lines() []string {
	var lines []string
	for _, row := range r.Rows() {
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%-8s %-8s %s", row.What, row.Action, row.Text), " "))
	}
	for _, note := range r.Notes {
		lines = append(lines, "note     "+note)
	}
	return append(lines, r.Conclusion())
}

// Conclusion is one sentence.
func (r *Report) Conclusion() string {
	switch {
	case r.Rebuild:
		return "rebuild " + r.Subject
	case r.Due:
		return "a decision is due for " + r.Subject
	}
	return "nothing to do for " + r.Subject
}

// Markdown is the report as a section of a job's summary. cell makes a text safe in a cell of a table.
func (r *Report) Markdown(cell func(string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Drift: %s\n\n", cell(r.Conclusion()))
	if rows := r.Rows(); len(rows) > 0 {
		b.WriteString("| what | do | |\n|---|---|---|\n")
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", row.What, row.Action, cell(row.Text))
		}
		b.WriteString("\n")
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", cell(note))
	}
	return b.String()
}

// Rules of SARIF for what is no vulnerability.
const (
	ruleBase = "slim/base-moved"
	ruleRisk = "slim/accepted-risk-ends"
)

// SARIF is the report as a SARIF 2.1.0 log. config is the name of the file with the accepted risks, version that of slim; it may be empty.
func (r *Report) SARIF(config, version string) ([]byte, error) {
	rules := []sarif.Rule{
		{ID: ruleBase, Short: sarif.Text{Text: "The base image has moved since the build"}},
		{ID: ruleRisk, Short: sarif.Text{Text: "The time of an accepted risk is over, or nearly"}},
	}
	var results []sarif.Result
	for i, b := range r.Bases {
		if b.Moved {
			results = append(results, r.result(ruleBase, "warning", r.Rows()[i].Text, r.Subject, b.Reference))
		}
	}
	seen := map[string]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		if !seen[f.ID] {
			seen[f.ID] = true
			rules = append(rules, sarif.Rule{ID: f.ID, Short: sarif.Text{Text: f.ID}, HelpURI: f.URL})
		}
		results = append(results, r.result(f.ID, level(f.Severity), f.text(), r.Subject, f.Package+"@"+f.Version))
	}
	for i := range r.Risks {
		k := &r.Risks[i]
		grade := "warning"
		if k.Expired {
			grade = "error"
		}
		results = append(results, r.result(ruleRisk, grade, k.text(), config, k.ID))
	}
	return sarif.Write(version, rules, results)
}

func (r *Report) result(rule, level, text, place, name string) sarif.Result {
	return sarif.Result{RuleID: rule, Level: level, Message: sarif.Text{Text: text},
		Locations:    []sarif.Location{sarif.At(place, sarif.Logical{Name: name, Kind: "module"})},
		Fingerprints: map[string]string{"slimDrift/v1": rule + "/" + name}}
}

// level is SARIF's word for a level.
func level(l vuln.Level) string {
	switch l {
	case vuln.Critical, vuln.High:
		return "error"
	case vuln.Low, vuln.None:
		return "note"
	}
	return "warning"
}
