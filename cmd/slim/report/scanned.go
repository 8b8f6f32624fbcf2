package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/layers"
)

// FindingsOf are the findings of a scan, with the decision on each, those of the slim image first; nil without a scan. plan says why
// their packages are there; it may be nil.
func FindingsOf(scan *vuln.Report, plan *analyzer.Plan) *Findings {
	if scan == nil {
		return nil
	}
	f := &Findings{Source: fmt.Sprintf("%d records", scan.Records), Incomplete: scan.Incomplete}
	if scan.Newest != "" {
		f.Source += ", the newest from " + scan.Newest
	}
	kept := map[string]string{} // by package
	for _, d := range scan.All() {
		found := &d.Finding
		why, known := kept[found.Package.Purl]
		if !known && plan != nil && d.Present() {
			need := NeedOf(plan, &found.Package)
			why = need.Short(2)
			kept[found.Package.Purl] = why
		}
		f.List = append(f.List, Finding{Kept: why,
			ID: found.ID, Severity: string(found.Severity), Score: found.Score, Package: found.Package.Name,
			Version: found.Package.Version, Text: d.Text, Before: d.Before, After: d.Present(), State: d.State})
	}
	return f
}

// NeedOf is why a package of a scan is in the slim image: why its files are kept, or where it has none, those that say that it is there.
func NeedOf(plan *analyzer.Plan, pkg *vuln.Package) analyzer.Need {
	var need analyzer.Need
	for _, names := range [][]string{pkg.Files, pkg.Locations} {
		paths := make([]layers.Path, 0, len(names))
		for _, name := range names {
			name, _, _ = strings.Cut(name, "!/") // an archive in an archive
			paths = append(paths, layers.Path(name))
		}
		if need = analyzer.NeedOf(plan, paths); need.Files > 0 {
			break
		}
	}
	return need
}
