package report

import (
	"fmt"

	"github.com/slimimage/slim/analyzer/vuln"
)

// FindingsOf are the findings of a scan, with the decision on each, those of the slim image first; nil without a scan.
func FindingsOf(scan *vuln.Report) *Findings {
	if scan == nil {
		return nil
	}
	f := &Findings{Source: fmt.Sprintf("%d records", scan.Records), Incomplete: scan.Incomplete}
	if scan.Newest != "" {
		f.Source += ", the newest from " + scan.Newest
	}
	for _, d := range scan.All() {
		found := &d.Finding
		f.List = append(f.List, Finding{ID: found.ID, Severity: string(found.Severity), Score: found.Score, Package: found.Package.Name,
			Version: found.Package.Version, Text: d.Text, Before: d.Before, After: d.Present(), State: d.State})
	}
	return f
}
