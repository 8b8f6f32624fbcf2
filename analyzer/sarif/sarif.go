// Package sarif writes findings as a SARIF 2.1.0 log (OASIS), which code scanning services and editors read.
package sarif

import (
	"cmp"
	"net/url"
	"slices"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/printable"
)

type log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool struct {
		Driver driver `json:"driver"`
	} `json:"tool"`
	Invocations []invocation `json:"invocations,omitempty"`
	Results     []Result     `json:"results"`
}

// invocation says how the run went; there is none where it went well.
type invocation struct {
	Successful    bool           `json:"executionSuccessful"`
	Notifications []notification `json:"toolExecutionNotifications"`
}

type notification struct {
	Level   string `json:"level"`
	Message Text   `json:"message"`
}

type driver struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Rules   []Rule `json:"rules"`
}

// Rule is what a result is an instance of.
type Rule struct {
	ID         string            `json:"id"`
	Short      Text              `json:"shortDescription"`
	Help       *Text             `json:"help,omitempty"`
	HelpURI    string            `json:"helpUri,omitempty"`
	Default    *Default          `json:"defaultConfiguration,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

// Default is how a rule is unless somebody says otherwise.
type Default struct {
	Level string `json:"level"`
}

// Text is a message.
type Text struct {
	Text string `json:"text"`
}

// Result is one finding.
type Result struct {
	RuleID       string            `json:"ruleId"`
	Kind         string            `json:"kind,omitempty"` // "" is "fail"; every other kind has the level "none" (SARIF 2.1.0, 3.27.9)
	Level        string            `json:"level"`          // "error", "warning", "note" or "none"
	Message      Text              `json:"message"`
	Locations    []Location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Suppressions []Suppression     `json:"suppressions,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"`
}

// Location is where a result is.
type Location struct {
	Physical Physical  `json:"physicalLocation"`
	Logical  []Logical `json:"logicalLocations,omitempty"`
}

// Physical is a file.
type Physical struct {
	Artifact Artifact `json:"artifactLocation"`
}

// Artifact names a file.
type Artifact struct {
	URI string `json:"uri"`
}

// Logical is a location that is not a file, such as a package.
type Logical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// Suppression is why a result does not count.
type Suppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

// At is a place in a file, by any path or name of an image, or in a part of it that has a name but no file.
func At(file string, logical ...Logical) Location {
	return Location{Physical: Physical{Artifact{URI: (&url.URL{Path: file}).EscapedPath()}}, Logical: logical}
}

// printable is the result with its text as it may be shown: viewers of SARIF print it as it is.
func (r Result) printable() Result {
	r.Message = Text{printable.Text(r.Message.Text)}
	r.Locations = slices.Clone(r.Locations)
	for i := range r.Locations {
		r.Locations[i].Logical = slices.Clone(r.Locations[i].Logical)
		for j := range r.Locations[i].Logical {
			name := &r.Locations[i].Logical[j].Name
			*name = printable.Text(*name)
		}
	}
	r.Suppressions = slices.Clone(r.Suppressions)
	for i := range r.Suppressions {
		r.Suppressions[i].Justification = printable.Text(r.Suppressions[i].Justification)
	}
	return r
}

// Write is the log of one run of slim, rules sorted, results in their order. version may be empty. doubts are what the run could not find
// out, one sentence each; with any the log says that the run did not succeed.
func Write(version string, rules []Rule, results []Result, doubts ...string) ([]byte, error) {
	r := run{Results: make([]Result, len(results))}
	for i, result := range results {
		r.Results[i] = result.printable()
	}
	if len(doubts) > 0 {
		failed := invocation{}
		for _, doubt := range doubts {
			failed.Notifications = append(failed.Notifications, notification{"error", Text{printable.Text(doubt)}})
		}
		r.Invocations = []invocation{failed}
	}
	r.Tool.Driver = driver{Name: "slim", Version: version, Rules: append([]Rule{}, rules...)}
	for i, rule := range rules {
		r.Tool.Driver.Rules[i].Short = Text{printable.Text(rule.Short.Text)}
	}
	slices.SortFunc(r.Tool.Driver.Rules, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	return jsonout.Indented(log{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []run{r}})
}
