package vuln

import (
	"fmt"

	"github.com/slimimage/slim/analyzer/sarif"
)

// SARIF writes decisions as a SARIF 2.1.0 log, one result each; what is accepted or shown not to apply is suppressed. A result's place
// is a kept file of the package, or the image. What the report cannot tell for lack of packages is a notification of a run that did not
// succeed. version is that of slim and may be empty.
func SARIF(report *Report, image, version string) ([]byte, error) {
	decisions := report.Decisions
	rules := map[string]*Finding{}
	var results []sarif.Result
	for i := range decisions {
		d := &decisions[i]
		f := &d.Finding
		if known, ok := rules[f.ID]; !ok || f.Severity.Rank() > known.Severity.Rank() {
			rules[f.ID] = f
		}
		result := sarif.Result{
			RuleID: f.ID, Level: sarifLevel(f.Severity), Message: sarif.Text{Text: fmt.Sprintf("%s %s: %s", f.Package.Name, f.Package.Version,
				d.Text)},
			Locations: []sarif.Location{location(f, image)}, Fingerprints: map[string]string{"slimFinding/v1": base(f.Package.Ecosystem) + "/" +
				f.Package.Name + "/" + f.ID},
		}
		if !d.Open() {
			result.Suppressions = []sarif.Suppression{{Kind: "external", Justification: d.Text}}
		}
		results = append(results, result)
	}
	return sarif.Write(version, sarifRules(rules), results, report.Incomplete...)
}

func sarifRules(found map[string]*Finding) []sarif.Rule {
	var rules []sarif.Rule
	for id, f := range found {
		title := f.Summary
		if title == "" {
			title = id
		}
		rules = append(rules, sarif.Rule{
			ID: id, Short: sarif.Text{Text: title}, HelpURI: f.URL,
			Properties: map[string]string{"security-severity": fmt.Sprintf("%.1f", f.number())},
		})
	}
	return rules
}

// sarifLevel is SARIF's word for a level.
func sarifLevel(l Level) string {
	switch l {
	case Critical, High:
		return "error"
	case Low, None:
		return "note"
	}
	return "warning"
}

// number is the score, or the lowest of the level's band.
func (f *Finding) number() float64 {
	if f.Score > 0 {
		return f.Score
	}
	return map[Level]float64{Critical: 9, High: 7, Medium: 4, Low: 0.1}[f.Severity]
}

func location(f *Finding, image string) sarif.Location {
	place := image
	if len(f.Package.Files) > 0 {
		place = f.Package.Files[0]
	}
	name := f.Package.Purl
	if name == "" {
		name = f.Package.Name + "@" + f.Package.Version
	}
	return sarif.At(place, sarif.Logical{Name: name, Kind: "module"})
}
