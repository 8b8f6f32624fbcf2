package vex

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/vuln"
)

type cdxDocument struct {
	Format          string             `json:"bomFormat"`
	Spec            string             `json:"specVersion"`
	Serial          string             `json:"serialNumber,omitempty"`
	Version         int                `json:"version"`
	Metadata        cdxMetadata        `json:"metadata"`
	Components      []cdxComponent     `json:"components"`
	Vulnerabilities []cdxVulnerability `json:"vulnerabilities"`
}

type cdxMetadata struct {
	Timestamp string         `json:"timestamp"`
	Authors   []cdxContact   `json:"authors"`
	Component cdxComponent   `json:"component"`
	Tools     map[string]any `json:"tools"`

	Properties []cdxProperty `json:"properties,omitempty"`
}

type cdxContact struct {
	Name string `json:"name"`
}

type cdxComponent struct {
	Ref     string    `json:"bom-ref"`
	Type    string    `json:"type"`
	Name    string    `json:"name"`
	Version string    `json:"version,omitempty"`
	Hashes  []cdxHash `json:"hashes,omitempty"`
	Purl    string    `json:"purl"`
}

type cdxHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type cdxVulnerability struct {
	ID         string         `json:"id"`
	Source     *cdxSource     `json:"source,omitempty"`
	References []cdxReference `json:"references,omitempty"`
	Ratings    []cdxRating    `json:"ratings,omitempty"`
	Analysis   cdxAnalysis    `json:"analysis"`
	Affects    []cdxAffects   `json:"affects"`
	Properties []cdxProperty  `json:"properties"`
}

type cdxSource struct {
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`
}

type cdxReference struct {
	ID     string    `json:"id"`
	Source cdxSource `json:"source"`
}

type cdxRating struct {
	Score    float64 `json:"score,omitempty"`
	Severity string  `json:"severity"`
	Method   string  `json:"method,omitempty"`
	Vector   string  `json:"vector,omitempty"`
}

type cdxAnalysis struct {
	State         string   `json:"state"`
	Justification string   `json:"justification,omitempty"`
	Response      []string `json:"response,omitempty"`
	Detail        string   `json:"detail,omitempty"`
}

type cdxAffects struct {
	Ref string `json:"ref"`
}

type cdxProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// CycloneDX writes a CycloneDX 1.5 document with one vulnerability for each statement and the packages they are about. Each has
// DevGuard's property devguard:pathPattern, without which it does not find the package in the image. The serial number is made of
// the content: equal input gives equal bytes.
func CycloneDX(statements []Statement, product Product, opts Options) ([]byte, error) {
	if err := check(statements, product, opts); err != nil {
		return nil, err
	}
	root := product.oci(product.Digest)
	doc := cdxDocument{
		Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata: cdxMetadata{
			Timestamp: opts.stamp(), Authors: []cdxContact{{opts.author()}},
			Tools:     map[string]any{"components": []map[string]string{{"type": "application", "name": "slim"}}},
			Component: cdxComponent{Ref: root, Type: "container", Name: product.Repository, Version: product.Tag, Purl: root},
		},
		Components: []cdxComponent{}, Vulnerabilities: []cdxVulnerability{},
	}
	if hex, ok := strings.CutPrefix(product.Digest, "sha256:"); ok {
		doc.Metadata.Component.Version, doc.Metadata.Component.Hashes = product.Digest, []cdxHash{{"SHA-256", hex}}
	}
	for _, reason := range opts.Incomplete {
		doc.Metadata.Properties = append(doc.Metadata.Properties, cdxProperty{"slim:incomplete", reason})
	}
	for _, finding := range opts.Removed {
		doc.Metadata.Properties = append(doc.Metadata.Properties, cdxProperty{"slim:removed", finding})
	}
	listed := map[string]bool{root: true}
	for _, s := range sorted(statements) {
		if purl := s.Package.Purl; !listed[purl] {
			listed[purl] = true
			doc.Components = append(doc.Components, cdxComponent{Ref: purl, Type: "library", Name: s.Package.Name, Version: s.Package.Version,
				Purl: purl})
		}
		v, err := vulnerability(&s)
		if err != nil {
			return nil, err
		}
		doc.Vulnerabilities = append(doc.Vulnerabilities, v)
	}
	slices.SortFunc(doc.Components, func(a, b cdxComponent) int { return strings.Compare(a.Ref, b.Ref) })
	var err error
	if doc.Serial, err = documentID(doc); err != nil {
		return nil, err
	}
	return jsonout.Indented(doc)
}

func vulnerability(s *Statement) (cdxVulnerability, error) {
	pattern, err := json.Marshal([]string{"*", s.Package.Purl})
	if err != nil {
		return cdxVulnerability{}, err
	}
	v := cdxVulnerability{
		ID: s.ID, Source: &cdxSource{URL: s.URL}, Analysis: analysis(s), Affects: []cdxAffects{{s.Package.Purl}},
		Properties: []cdxProperty{{"devguard:pathPattern", string(unescape(pattern))}, {"slim:decision", string(s.Decision)}},
	}
	if s.URL == "" {
		v.Source = nil
	}
	for _, alias := range s.Aliases {
		v.References = append(v.References, cdxReference{ID: alias, Source: cdxSource{Name: "OSV"}})
	}
	if s.Severity != "" {
		v.Ratings = []cdxRating{{Score: s.Score, Severity: string(s.Severity), Method: method(s.Vector), Vector: s.Vector}}
	}
	return v, nil
}

// unescape undoes what encoding/json does to be safe inside HTML: a purl's & would be \u0026.
func unescape(data []byte) []byte {
	return []byte(strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(data)))
}

// analysis is the status in CycloneDX's words; an accepted risk is one that will not be fixed.
func analysis(s *Statement) cdxAnalysis {
	switch s.Status {
	case NotAffected:
		return cdxAnalysis{State: "not_affected", Justification: "code_not_present", Detail: s.Evidence}
	case Fixed:
		return cdxAnalysis{State: "resolved"}
	case UnderInvestigation:
		return cdxAnalysis{State: "in_triage"}
	}
	a := cdxAnalysis{State: "exploitable", Detail: s.Action}
	switch {
	case s.Decision == vuln.StateAccepted:
		a.Response = []string{"will_not_fix"}
	case s.Update:
		a.Response = []string{"update"}
	default:
		a.State = "in_triage" // nobody has looked: a version matched
	}
	return a
}

// method names the version of CVSS a vector is of.
func method(vector string) string {
	switch {
	case vector == "":
		return ""
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		return "CVSSv4"
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		return "CVSSv31"
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		return "CVSSv3"
	}
	return "CVSSv2"
}
