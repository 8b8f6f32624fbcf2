package report

import (
	"fmt"

	"github.com/slimimage/slim/analyzer/vuln"
)

// FindingsOf are the findings of a scan, those of the slim image first; nil without a scan.
func FindingsOf(scan *vuln.Report) *Findings {
	if scan == nil {
		return nil
	}
	f := &Findings{Source: fmt.Sprintf("%d records", scan.Records), Incomplete: scan.Incomplete}
	if scan.Newest != "" {
		f.Source += ", the newest from " + scan.Newest
	}
	before := map[string]bool{} // of those that remain
	if scan.Comparison != nil {
		for i := range scan.Comparison.Remaining {
			before[key(&scan.Comparison.Remaining[i])] = true
		}
	}
	for i := range scan.Decisions {
		d := &scan.Decisions[i]
		one := findingOf(&d.Finding, d.Text)
		one.Before, one.After, one.Open = before[key(&d.Finding)], true, d.Open()
		f.List = append(f.List, one)
	}
	if scan.Comparison == nil {
		return f
	}
	gone := func(found *vuln.Finding, text string) {
		one := findingOf(found, text)
		one.Before = true
		f.List = append(f.List, one)
	}
	for i := range scan.Comparison.Fixed {
		change := &scan.Comparison.Fixed[i]
		gone(&change.Finding, "fixed by version "+change.Now.Version)
	}
	for i := range scan.Comparison.Removed {
		gone(&scan.Comparison.Removed[i], "the package is not in the slim image")
	}
	return f
}

func findingOf(found *vuln.Finding, text string) Finding {
	return Finding{ID: found.ID, Severity: string(found.Severity), Score: found.Score, Package: found.Package.Name,
		Version: found.Package.Version, Text: text}
}

func key(f *vuln.Finding) string {
	return f.ID + "\x00" + f.Package.Ecosystem + "\x00" + f.Package.Name + "\x00" + f.Package.Version
}
