package vuln

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer/sbom"
)

// ReportSchema names the version of Report.
const ReportSchema = "slim/scan/v1"

// Report is what a database says about an image, and what follows.
type Report struct {
	Schema     string      `json:"schema"`               // ReportSchema
	Image      string      `json:"image,omitempty"`      // digest of the platform manifest; "" before it is known
	Packages   int         `json:"packages"`             // of the image
	Records    int         `json:"records"`              // of the database that were looked at
	Newest     string      `json:"newest,omitempty"`     // time of the newest of them
	Decisions  []Decision  `json:"decisions"`            // one for each finding of the image
	Gone       []Decision  `json:"gone,omitempty"`       // one for each finding that only the image it was made of has
	Comparison *Comparison `json:"comparison,omitempty"` // with the image it was made of
	Notes      []string    `json:"notes,omitempty"`      // on the configuration and the database
	Missing    []string    `json:"missing,omitempty"`    // ecosystems of its packages that the database does not have
	Skipped    []string    `json:"skipped,omitempty"`    // what could not be answered
	Unanswered []string    `json:"unanswered,omitempty"` // those of Skipped that fail a gate: something may have been published about them
	// Incomplete are reasons for which the image may have packages that are not among Packages: a finding that is not listed may be there.
	Incomplete []string `json:"incomplete,omitempty"`
}

// Subject is an image to look at.
type Subject struct {
	Packages []Package
	Files    []string // physical paths of everything but directories, sorted

	Applications []Package           // modules of programs, also those that are no Packages: what the others are there for
	Needs        map[string][]string // package URLs by that of what needs them

	Incomplete []string // why Packages are not all; none where they are
}

// Review searches the database for an image, decides about each finding, and reports what happened to the findings of the image it was
// made of (nil for none). It completes facts with the files of both. Errors are the database's.
func Review(ctx context.Context, db *Database, image Subject, before *Subject, facts Facts) (*Report, error) {
	image.Packages = unique(image.Packages)
	lists := [][]Package{image.Packages}
	if before != nil {
		lists = append(lists, unique(before.Packages))
	}
	found, err := db.Search(ctx, lists...)
	if err != nil {
		return nil, err
	}
	after := found[0]
	if facts.absent, err = ask(ctx, after, facts.Symbols); err != nil {
		return nil, err
	}
	facts.relations = newRelations(image, before)
	facts.Kept = func(glob string) []string { return Match(image.Files, glob) }
	report := &Report{Schema: ReportSchema, Packages: len(image.Packages), Records: after.Records, Newest: after.Newest,
		Missing: after.Missing, Skipped: after.Skipped, Unanswered: after.Unanswered, Incomplete: incompleteOf(image, before)}
	if before == nil {
		report.Decisions, report.Notes = Decide(after.Findings, facts)
	} else {
		facts.Before = func(glob string) []string { return Match(before.Files, glob) }
		report.compare(newChanges(image, before.Packages, after), after.Findings, found[1].Findings, facts)
	}
	report.Notes = append(report.Notes, stale(after.Newest, facts.Today)...)
	return report, nil
}

// unique is a list of packages without repetitions; the files of the repeated ones are joined.
func unique(packages []Package) []Package {
	at, list := map[string]int{}, make([]Package, 0, len(packages))
	for _, pkg := range packages {
		i, known := at[pkg.identity()]
		if !known {
			at[pkg.identity()] = len(list)
			list = append(list, pkg)
			continue
		}
		list[i].Files, list[i].Locations = union(list[i].Files, pkg.Files), union(list[i].Locations, pkg.Locations)
	}
	return list
}

func union(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}

// compare decides about the findings of the image and of the one it was made of.
func (r *Report) compare(c *changes, after, before []Finding, facts Facts) {
	gone, left := c.became(before)
	findings := slices.Concat(after, left)
	slices.SortStableFunc(findings, worstFirst)
	r.Decisions, r.Notes = Decide(findings, facts)
	r.Notes, r.Gone = append(r.Notes, c.notes(left)...), gone
	for i := range r.Decisions {
		d := &r.Decisions[i]
		d.Before = c.had[d.Finding.pair()]
	}
	r.Comparison = r.comparison()
}

// incompleteOf are the reasons for which the list of packages of an image is incomplete.
func incompleteOf(image Subject, before *Subject) []string {
	incomplete := slices.Clone(image.Incomplete)
	if before != nil { // the package database of a slim image has what was known of its original's
		for _, reason := range before.Incomplete {
			if !slices.Contains(image.Incomplete, reason) {
				incomplete = append(incomplete, "in the original, "+reason)
			}
		}
	}
	return incomplete
}

// staleDatabase is the age at which a database is doubted.
const staleDatabase = 30 * 24 * time.Hour

// stale doubts a database that has not changed for long.
func stale(newest string, today time.Time) []string {
	changed, err := time.Parse(time.RFC3339, newest)
	if err != nil || changed.IsZero() || today.Sub(changed) < staleDatabase {
		return nil
	}
	return []string{fmt.Sprintf("the newest record of the database is of %s", changed.UTC().Format(time.DateOnly))}
}

// Gate is the error of a report that has an open finding of a level or worse ("any" is every level, "" no gate), or that cannot say
// whether it has one.
func (r *Report) Gate(level string) error {
	if level == "" {
		return nil
	}
	var names []string
	seen := map[string]bool{}
	for i := range r.Decisions {
		d := &r.Decisions[i]
		if !d.Open() || level != "any" && d.Finding.Severity.Rank() < Level(level).Rank() || seen[d.Finding.ID] {
			continue
		}
		seen[d.Finding.ID] = true
		names = append(names, d.Finding.ID)
	}
	if len(names) == 0 {
		return r.doubt()
	}
	list := names
	if len(list) > 5 {
		list = append(list[:5:5], "...")
	}
	what := "open vulnerabilities of level " + level + " or worse"
	if level == "any" {
		what = "open vulnerabilities"
	}
	if len(names) == 1 {
		what = strings.Replace(what, "vulnerabilities", "vulnerability", 1)
	}
	return fmt.Errorf("%d %s: %s", len(names), what, strings.Join(list, ", "))
}

// doubt is the error of a report without an open finding that does not show that there is none.
func (r *Report) doubt() error {
	switch {
	case len(r.Incomplete) > 0:
		return fmt.Errorf("--fail-on cannot tell: the list of packages is incomplete: %s", several(r.Incomplete, 3))
	case len(r.Missing) > 0:
		return fmt.Errorf("--fail-on cannot tell: the database has no records of %s", strings.Join(r.Missing, ", "))
	case len(r.Unanswered) > 0:
		return fmt.Errorf("--fail-on cannot tell: %s", several(r.Unanswered, 3))
	}
	return nil
}

// FromInventory turns the packages of a bill of materials into those to search for; Subject.Files is not set. warnings are its own, and
// package URLs that are none.
func FromInventory(inv sbom.Inventory) (s Subject, warnings []string) {
	s.Needs = map[string][]string{}
	warnings, s.Incomplete = slices.Clone(inv.Warnings), slices.Clone(inv.Incomplete)
	for _, pkg := range inv.Packages {
		found, err := FromPurl(pkg.Purl)
		if err != nil {
			warnings, s.Incomplete = append(warnings, err.Error()), append(s.Incomplete, err.Error())
			continue
		}
		found.Files, found.Locations = pkg.Files, pkg.Locations
		s.Packages = append(s.Packages, found)
		s.Needs[pkg.Purl] = pkg.Depends
	}
	for _, pkg := range inv.Applications {
		if found, err := FromPurl(pkg.Purl); err == nil {
			found.Files, found.Locations = pkg.Files, pkg.Locations
			s.Applications = append(s.Applications, found)
			s.Needs[pkg.Purl] = pkg.Depends
		}
	}
	return s, warnings
}
