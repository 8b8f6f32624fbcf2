package vuln

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID         string            `json:"id"`
	Short      sarifText         `json:"shortDescription"`
	HelpURI    string            `json:"helpUri,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
	} `json:"physicalLocation"`
	Logical []sarifLogical `json:"logicalLocations"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Justification string `json:"justification"`
}

// SARIF writes decisions as a SARIF 2.1.0 log, one result each; what is accepted or shown not to apply is suppressed. A result's place
// is a kept file of the package, or the image. version is that of slim and may be empty.
func SARIF(decisions []Decision, image, version string) ([]byte, error) {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "slim", Version: version, Rules: []sarifRule{}}
	rules := map[string]*Finding{}
	for i := range decisions {
		d := &decisions[i]
		f := &d.Finding
		if known, ok := rules[f.ID]; !ok || f.Severity.Rank() > known.Severity.Rank() {
			rules[f.ID] = f
		}
		result := sarifResult{
			RuleID: f.ID, Level: sarifLevel(f.Severity), Message: sarifText{fmt.Sprintf("%s %s: %s", f.Package.Name, f.Package.Version, d.Text)},
			Locations: []sarifLocation{location(f, image)}, Fingerprints: map[string]string{"slimFinding/v1": base(f.Package.Ecosystem) + "/" + f.Package.Name + "/" + f.ID},
		}
		if !d.Open() {
			result.Suppressions = []sarifSuppression{{"external", d.Text}}
		}
		run.Results = append(run.Results, result)
	}
	for id, f := range rules {
		title := f.Summary
		if title == "" {
			title = id
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: id, Short: sarifText{title}, HelpURI: f.URL, Properties: map[string]string{"security-severity": fmt.Sprintf("%.1f", f.number())},
		})
	}
	slices.SortFunc(run.Tool.Driver.Rules, func(a, b sarifRule) int { return slices.Compare([]string{a.ID}, []string{b.ID}) })
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
	return buf.Bytes(), err
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

func location(f *Finding, image string) sarifLocation {
	place := image
	if len(f.Package.Files) > 0 {
		place = f.Package.Files[0]
	}
	var l sarifLocation
	l.Physical.Artifact.URI = (&url.URL{Path: place}).EscapedPath()
	name := f.Package.Purl
	if name == "" {
		name = f.Package.Name + "@" + f.Package.Version
	}
	l.Logical = []sarifLogical{{name, "module"}}
	return l
}
