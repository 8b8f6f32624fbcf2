// Package lint checks an image against the DevGuard container hardening guide's list of 40 items, and against what Dockle, Trivy
// and Docker Scout check of an image.
//
// Nothing of the image runs, nothing is fetched. Each rule is a row of a table with the item that it belongs to and what other
// linters call the same thing. What only a run or an organisation can answer is listed as not checked, never as passed.
package lint

import (
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/layers"
)

// Schema names the version of Report.
const Schema = "slim/lint/v1"

// Level is how bad a finding is.
type Level string

// The levels, as SARIF names them.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

// Rank orders levels: a worse one has a higher rank, an unknown one has 0.
func (l Level) Rank() int { return 1 + slices.Index([]Level{Note, Warning, Error}, l) }

// Status is what is known about a rule or an item of the checklist.
type Status string

// The statuses.
const (
	Failed     Status = "failed"
	Passed     Status = "passed"
	Partly     Status = "partly checked" // the checked part of an item passed, Reason names the rest
	NotChecked Status = "not checked"    // Reason has the cause
	Disabled   Status = "disabled"       // by Input.Disable
)

// Input is an image to check.
type Input struct {
	Image       string            // as the user wrote it, for the report
	Reference   string            // its name and tag or digest; "" when it has none
	Config      *v1.ConfigFile    // required
	Root        layers.RootFS     // its merged layers; required
	Annotations map[string]string // of its manifest
	// Attached is what is attached to the image in its registry or layout; nil if that is unknown, and NotAttached has the reason.
	Attached    *layers.Attached
	NotAttached string
	// Contents calls do once with each regular file, by any of its names, in any order: one pass over the layers. When it is nil
	// each file is opened separately, which is slow for a layers.Index.
	Contents func(do func(name string, r io.Reader) error) error
	// Deleted calls do with each regular file of a layer that a later layer hides: whoever has the image has it, too. nil when that
	// is not known.
	Deleted func(do func(name string, layer int, r io.Reader) error) error
	Disable []string // ids of rules to leave out
}

// Finding is one thing a rule does not like. It has a Path or a Key.
type Finding struct {
	Path    layers.Path `json:"path,omitempty"` // in the image
	Key     string      `json:"key,omitempty"`  // of the image's configuration, "config.User"
	Level   Level       `json:"level"`
	Message string      `json:"message"`
	Next    string      `json:"next"` // what to do about it
}

// Result is a rule and what it found.
type Result struct {
	Rule
	Status   Status    `json:"status"`
	Reason   string    `json:"reason,omitempty"` // why not all was checked
	Findings []Finding `json:"findings,omitempty"`
	More     int       `json:"more,omitempty"` // findings beyond the bound, which are not listed; of very many, some
}

// Report is what Check found.
type Report struct {
	Schema   string        `json:"schema"`
	Image    string        `json:"image"` // Input.Image
	Counts   map[Level]int `json:"counts"`
	Results  []Result      `json:"results"` // of every rule
	Items    []ItemResult  `json:"items"`   // of every item of the checklist
	ELF      Hardening     `json:"elf"`
	Warnings []string      `json:"warnings,omitempty"` // what could not be read
}

// Bounds of the findings of a rule.
const (
	maxFindings  = 200    // that are listed
	maxCollected = 20_000 // of each level, that are counted
)

// findings collects what a rule finds. Many findings of one level do not hide those of another.
type findings struct {
	list   []Finding
	counts map[Level]int
}

func (l *findings) add(found ...Finding) {
	if l.counts == nil {
		l.counts = map[Level]int{}
	}
	for _, f := range found {
		if l.counts[f.Level]++; l.counts[f.Level] <= maxCollected {
			l.list = append(l.list, f)
		}
	}
}

// Check checks an image. Errors: an incomplete Input, an unknown rule in Disable, or layers that cannot be read.
func Check(in Input) (*Report, error) {
	if in.Config == nil || in.Root == nil {
		return nil, errors.New("checking an image: it has no config or no root")
	}
	for _, id := range in.Disable {
		if !slices.ContainsFunc(rules(), func(r Rule) bool { return r.ID == id }) {
			return nil, fmt.Errorf("unknown rule %q", id)
		}
	}
	f, err := gather(in)
	if err != nil {
		return nil, fmt.Errorf("checking an image: %w", err)
	}
	report := &Report{Schema: Schema, Image: in.Image, Counts: map[Level]int{Error: 0, Warning: 0, Note: 0}}
	for _, rule := range rules() {
		report.Results = append(report.Results, rule.apply(f, report.Counts))
	}
	report.ELF, report.Warnings = f.hardening(), f.warnings
	report.Items = itemResults(report.Results)
	return report, nil
}

// apply runs one rule, and counts its findings.
func (r Rule) apply(f *facts, counts map[Level]int) Result {
	if slices.Contains(f.in.Disable, r.ID) {
		return Result{Rule: r, Status: Disabled}
	}
	found, reason := r.check(f)
	for i := range found {
		if found[i].Level == "" {
			found[i].Level = r.Level
		}
		if found[i].Next == "" {
			found[i].Next = r.Next
		}
		counts[found[i].Level]++
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return b.Level.Rank() - a.Level.Rank() })
	result := Result{Rule: r, Status: Passed, Reason: reason, Findings: found}
	switch {
	case len(found) > 0:
		result.Status = Failed
	case reason != "":
		result.Status = NotChecked
	}
	if len(found) > maxFindings {
		result.Findings, result.More = found[:maxFindings:maxFindings], len(found)-maxFindings
	}
	return result
}

// Worst counts the findings of a level or worse.
func (r *Report) Worst(level Level) int {
	count := 0
	for l, n := range r.Counts {
		if l.Rank() >= level.Rank() {
			count += n
		}
	}
	return count
}
