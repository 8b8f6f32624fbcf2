package lint

import (
	"strings"

	"github.com/slimimage/slim/analyzer/sarif"
)

// SARIF writes the report as a SARIF 2.1.0 log: every rule, and a result for each finding that is listed. A result's place is a path
// of the image, or the image and a part of its configuration. version is that of slim and may be empty.
func (r *Report) SARIF(version string) ([]byte, error) {
	var (
		rules   []sarif.Rule
		results []sarif.Result
	)
	for _, result := range r.Results {
		rule := sarif.Rule{
			ID: result.ID, Short: sarif.Text{Text: result.Title}, Help: &sarif.Text{Text: result.Next},
			Default:    &sarif.Default{Level: string(result.Level)},
			Properties: map[string]string{"source": result.Source},
		}
		if result.Item != "" {
			rule.Properties["item"] = result.Item
		}
		if len(result.Same) > 0 {
			rule.Properties["same"] = strings.Join(result.Same, " ")
		}
		rules = append(rules, rule)
		for _, f := range result.Findings {
			place, at := f.place(), sarif.At(strings.TrimPrefix(f.place(), "/"))
			if f.Path == "" {
				at = sarif.At(r.Image, sarif.Logical{Name: f.Key, Kind: "member"})
			}
			results = append(results, sarif.Result{
				RuleID: result.ID, Level: string(f.Level), Message: sarif.Text{Text: f.Message + "; " + f.Next}, Locations: []sarif.Location{at},
				Fingerprints: map[string]string{"slimLint/v1": result.ID + "/" + place + "/" + f.Message},
			})
		}
	}
	return sarif.Write(version, rules, results)
}

// place is where a finding is, as reports print it.
func (f *Finding) place() string {
	if f.Path == "" {
		return f.Key
	}
	return f.Path.String()
}
