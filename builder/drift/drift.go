// Package drift says whether an image that slim made has fallen behind: its base has moved, newer packages have fewer vulnerabilities, or
// the time of an accepted risk is over. Nothing is run for that.
package drift

import (
	"slices"
	"time"

	"github.com/slimimage/slim/analyzer/vuln"
)

// Schema names the version of Report.
const Schema = "slim/drift/v1"

// Report is the result of slim check.
type Report struct {
	Schema  string `json:"schema"`            // Schema
	Subject string `json:"subject"`           // the lock, image or bill of materials, as it was named
	Kind    string `json:"kind"`              // KindLock, KindImage or KindSBOM
	Updated string `json:"updated,omitempty"` // what slim build --update had changed: "security: 5 packages"
	Rebuild bool   `json:"rebuild"`           // a base moved, or newer packages of the distribution have a finding fixed
	Due     bool   `json:"due"`               // somebody has to decide: a finding that no rebuild closes, or the end of an accepted risk

	Bases    []Base    `json:"bases"`              // images that it was made of
	Packages int       `json:"packages,omitempty"` // that were searched; 0 without a database
	Findings []Finding `json:"findings"`           // those that are open today, the worst first
	Risks    []Risk    `json:"risks"`              // accepted risks that end, in the order of the file
	Notes    []string  `json:"notes,omitempty"`    // what cannot be told
}

// Kinds of subjects.
const (
	KindLock  = "lock"
	KindImage = "image"
	KindSBOM  = "sbom"
)

// Base is an image that the subject was made of.
type Base struct {
	Reference string `json:"reference"` // as the build named it
	Locked    string `json:"locked"`    // digest at the time of the build
	Now       string `json:"now"`       // digest today
	Moved     bool   `json:"moved"`     // the two differ
}

// Finding is an open finding.
type Finding struct {
	ID       string     `json:"id"`              // CVE number where there is one, else the record's name
	Severity vuln.Level `json:"severity"`        // critical, high, medium, low, none or unknown
	Package  string     `json:"package"`         // name of the affected package
	Version  string     `json:"version"`         // of the package
	Fixed    string     `json:"fixed,omitempty"` // first version without it; "" where there is none
	Action   Action     `json:"action"`          // what closes it: rebuild, edit (the application's manifest) or decide
	New      bool       `json:"new,omitempty"`   // the earlier scan did not have it; false where none was given
	URL      string     `json:"url,omitempty"`   // of the record
}

// Action is what closes a finding.
type Action string

// The actions.
const (
	ActionRebuild Action = "rebuild" // a newer package of the distribution
	ActionEdit    Action = "edit"    // a newer language package: the application's manifest names its version
	ActionDecide  Action = "decide"  // nothing newer is known
)

// Risk is an accepted risk whose time is over, or nearly.
type Risk struct {
	ID      string `json:"id"`                // of the vulnerability
	Package string `json:"package,omitempty"` // "" is every package
	Until   string `json:"until"`             // last day, YYYY-MM-DD
	Expired bool   `json:"expired"`           // that day is over
	Line    int    `json:"line"`              // in the file
}

// Input is what a report is made of.
type Input struct {
	Subject, Kind, Updated string
	Bases                  []Base
	Scan                   *vuln.Report // of the subject's packages today; nil without a database
	Since                  *vuln.Report // of an earlier scan; may be nil
	Config                 *vuln.Config // may be nil
	Today                  time.Time
	Within                 int // days before its end from which an accepted risk is due
}

// New makes the report.
func New(in Input) *Report {
	r := &Report{Schema: Schema, Subject: in.Subject, Kind: in.Kind, Updated: in.Updated, Bases: append([]Base{}, in.Bases...),
		Findings: []Finding{}, Risks: []Risk{}}
	if in.Scan != nil {
		r.scan(in.Scan, in.Since)
	}
	r.risks(in)
	for _, b := range r.Bases {
		r.Rebuild = r.Rebuild || b.Moved
	}
	for _, f := range r.Findings {
		r.Rebuild = r.Rebuild || f.Action == ActionRebuild
		r.Due = r.Due || f.Action != ActionRebuild && (f.New || f.Action == ActionEdit)
	}
	r.Due = r.Due || len(r.Risks) > 0
	return r
}

// scan lists the open findings.
func (r *Report) scan(scan, since *vuln.Report) {
	r.Packages = scan.Packages
	known := map[[2]string]bool{}
	if since != nil {
		for _, d := range since.All() {
			if d.Present() {
				known[key(&d)] = true
			}
		}
	}
	for i := range scan.Decisions {
		d := &scan.Decisions[i]
		if !d.Open() {
			continue
		}
		f := &d.Finding
		r.Findings = append(r.Findings, Finding{ID: f.ID, Severity: f.Severity, Package: f.Package.Name, Version: f.Package.Version,
			Fixed: f.Fixed, Action: actionOf(f), New: since != nil && !known[key(d)], URL: f.URL})
	}
	for _, reason := range scan.Incomplete {
		r.Notes = append(r.Notes, "the list of packages is incomplete: "+reason)
	}
	for _, ecosystem := range scan.Missing {
		r.Notes = append(r.Notes, "the database has no records for "+ecosystem)
	}
	r.Notes = append(append(r.Notes, scan.Unanswered...), scan.Notes...)
}

// key identifies a finding whatever the version of its package.
func key(d *vuln.Decision) [2]string { return [2]string{d.Finding.ID, d.Finding.Package.Name} }

// actionOf is what closes a finding.
func actionOf(f *vuln.Finding) Action {
	switch {
	case f.Fixed == "":
		return ActionDecide
	case f.Package.OfDistribution():
		return ActionRebuild
	}
	return ActionEdit
}

// risks lists the accepted risks that end. With a scan, those count that are about a finding.
func (r *Report) risks(in Input) {
	if in.Config == nil {
		return
	}
	const day = 24 * time.Hour
	today := in.Today.UTC().Truncate(day)
	for _, a := range in.Config.Accept {
		left := int(a.Until.Sub(today) / day) // 0 on its last day
		if left >= in.Within && left >= 0 || in.Scan != nil && !found(in.Scan, &a) {
			continue
		}
		r.Risks = append(r.Risks, Risk{ID: a.ID, Package: a.Package, Until: a.Until.Format(time.DateOnly), Expired: left < 0, Line: a.Line})
	}
}

// found says whether a scan has what was accepted.
func found(scan *vuln.Report, a *vuln.Acceptance) bool {
	return slices.ContainsFunc(scan.Decisions, func(d vuln.Decision) bool { return a.About(&d.Finding) })
}
