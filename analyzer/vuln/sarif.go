package vuln

import (
	"fmt"

	"github.com/slimimage/slim/analyzer/sarif"
)

// SARIF writes a report as a SARIF 2.1.0 log, one result for each decision. Open findings are failures. What is accepted or shown not to
// apply is a failure that is suppressed. An updated finding is a result of kind "pass" (the rule was evaluated, there is no problem), a
// removed one of kind "notApplicable" (the rule does not apply to the image); they are suppressed too, for readers that do not know
// kinds. A result's place is a kept file of the package, or the image. What the report cannot tell for lack of packages is a notification
// of a run that did not succeed. version is that of slim and may be empty.
func SARIF(report *Report, image, version string) ([]byte, error) {
	rules, prints := map[string]*Finding{}, map[string]int{}
	all := report.All()
	for i := range all {
		if all[i].Present() {
			prints[all[i].Finding.print()]++
		}
	}
	var results []sarif.Result
	for i := range all {
		f := &all[i].Finding
		if known, ok := rules[f.ID]; !ok || f.Severity.Rank() > known.Severity.Rank() {
			rules[f.ID] = f
		}
		results = append(results, sarifResult(&all[i], image, prints))
	}
	return sarif.Write(version, sarifRules(rules), results, report.Incomplete...)
}

// sarifResult is one result. prints count the fingerprints of the image's own findings: an alert outlives a change of version, unless two
// findings would share it.
func sarifResult(d *Decision, image string, prints map[string]int) sarif.Result {
	f := &d.Finding
	result := sarif.Result{
		RuleID: f.ID, Level: sarifLevel(f.Severity),
		Message:   sarif.Text{Text: fmt.Sprintf("%s %s: %s", f.Package.Name, f.Package.Version, d.Text)},
		Locations: []sarif.Location{location(d, image)}, Properties: map[string]string{"decision": string(d.State)},
	}
	print := f.print()
	if !d.Present() || prints[print] > 1 {
		print += "/" + f.Package.identity()
	}
	result.Fingerprints = map[string]string{"slimFinding/v1": print}
	switch d.State {
	case StateRemoved:
		result.Kind, result.Level = "notApplicable", "none"
	case StateUpdated:
		result.Kind, result.Level = "pass", "none"
	}
	if !d.Open() {
		result.Suppressions = []sarif.Suppression{{Kind: "external", Justification: fmt.Sprintf("%s: %s", d.State, d.Text)}}
	}
	return result
}

// print identifies a finding whatever the version of its package.
func (f *Finding) print() string {
	return base(f.Package.Ecosystem) + "/" + f.Package.Name + "/" + f.ID
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

func location(d *Decision, image string) sarif.Location {
	f, place := &d.Finding, image
	if d.Present() && len(f.Package.Files) > 0 {
		place = f.Package.Files[0]
	} else if d.Present() && len(f.Package.Locations) > 0 {
		place = f.Package.Locations[0]
	}
	name := f.Package.Purl
	if name == "" {
		name = f.Package.Name + "@" + f.Package.Version
	}
	return sarif.At(place, sarif.Logical{Name: name, Kind: "module"})
}
