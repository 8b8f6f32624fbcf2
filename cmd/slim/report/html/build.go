package html

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
)

// Built is what a page of a build shows.
type Built struct {
	Result   *builder.Result  // with a plan
	Findings *report.Findings // nil where nothing was scanned
	Files    []string         // names of the files beside the page
}

// Build writes the page of a build: what was kept and why, how it was checked, what confines it. The same result gives the same bytes.
func Build(w io.Writer, in Built) error {
	r := in.Result
	if r == nil || r.Plan == nil {
		return fmt.Errorf("writing the page: the result has no plan")
	}
	p := &page{Title: r.Input, Facts: buildFacts(r), Warnings: shortAll(report.Warnings(r)), Data: planData(r.Plan)}
	before, after := r.Before(), r.Plan.After
	p.Cards = []card{sizeCard(before.Bytes, after.Bytes), filesCard(before.Files, after.Files), checkCard(r), confinedCard(r)}
	p.Sections = []section{sizesSection(r), checkSection(r)}
	if r.Update != nil {
		p.Sections = append(p.Sections, updateSection(r))
	}
	if in.Findings != nil {
		p.Cards = append(p.Cards, findingsCard(in.Findings))
		p.Sections = append(p.Sections, findingsSection(in.Findings))
	}
	p.Sections = append(p.Sections, profileSection(r, in.Files), section{ID: "paths", Title: "Paths and reasons", Paths: true})
	return write(w, p)
}

func shortAll(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = short(s)
	}
	return all
}

func buildFacts(r *builder.Result) []fact {
	facts := []fact{{"platform", r.Platform}}
	if len(r.Names) > 0 {
		facts = append(facts, fact{"slim image", strings.Join(r.Names, ", ")})
	}
	if r.Digest != "" {
		facts = append(facts, fact{"its digest", r.Digest})
	}
	keep := r.Plan.Options.Keep
	if keep == "" {
		keep = analyzer.KeepClosure
	}
	facts = append(facts, fact{"made of", r.Image}, fact{"kept", string(keep)})
	for _, sentence := range report.Sensitive(r.Plan) {
		name, what, _ := strings.Cut(sentence, ": ")
		facts = append(facts, fact{name, what})
	}
	for i := range facts {
		facts[i].Value = short(facts[i].Value)
	}
	return facts
}

func sizeCard(before, after int64) card {
	whole := func(n int64) string { return strings.ReplaceAll(report.Bytes(n), " ", "\u00a0") } // a number and its unit stay on one line
	return card{Name: "Size", Value: whole(before) + " → " + whole(after), Note: report.Smaller(before, after), Share: part(after, before)}
}

func filesCard(before, after int) card {
	return card{Name: "Files", Value: report.Count(before) + " → " + report.Count(after), Note: report.Count(max(0, before-after)) +
		" fewer", Share: part(int64(after), int64(before))}
}

// planData is the list of paths: what is kept first, then what is not, the largest first.
func planData(plan *analyzer.Plan) *data {
	entries := make([]entry, 0, len(plan.Files)+len(plan.Dropped))
	for i := range plan.Files {
		entries = append(entries, keptEntry(&plan.Files[i]))
	}
	gone := slices.Clone(plan.Dropped)
	slices.SortStableFunc(gone, func(a, b analyzer.Dropped) int { return cmp.Compare(b.Size, a.Size) })
	for i := range gone {
		f := &gone[i]
		e := entry{path: f.Path.String(), size: f.Size, pkg: f.Package, layer: dropped, kind: "file", why: []clause{{rule: f.Why()}}}
		if f.Again {
			e.size, e.kind = 0, "hard link"
		}
		entries = append(entries, e)
	}
	var names []string
	for _, layer := range plan.Layers {
		names = append(names, short(layer.Name))
	}
	d := newData("build", names, entries)
	d.Before, d.After = plan.Before.Bytes, plan.After.Bytes
	return d
}

func keptEntry(f *analyzer.File) entry {
	e := entry{path: f.Path.String(), size: f.Size, pkg: f.Package, layer: f.Layer, kind: f.Kind, note: changes(f)}
	if f.Again {
		e.size, e.kind = 0, "hard link"
	}
	for _, reason := range f.Reasons {
		e.why = append(e.why, clause{string(reason.Rule), reason.From})
	}
	return e
}

// changes says how a kept path differs from the image's own.
func changes(f *analyzer.File) string {
	var list []string
	switch {
	case f.New:
		list = append(list, "made by slim")
	case f.Edited || f.Content != nil:
		list = append(list, "edited by slim")
	}
	if f.UID != nil && f.GID != nil && !f.New {
		list = append(list, fmt.Sprintf("given to %d:%d", *f.UID, *f.GID))
	}
	if f.Mode != nil && !f.New {
		list = append(list, fmt.Sprintf("mode now %04o", *f.Mode))
	}
	return strings.Join(list, ", ")
}
