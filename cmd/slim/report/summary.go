package report

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// Bounds of lists that are printed, in lines. The JSON forms have everything.
const (
	maxSizes    = 10
	maxListed   = 20
	maxFindings = 10
)

// Summary is a build in lines for a terminal: sizes, user, runs, check, other platforms, vulnerabilities, warnings.
func Summary(r *builder.Result) []string {
	if r.Plan == nil {
		return nil
	}
	lines := append(PlanSummary(r), Updated(r.Update)...)
	for _, run := range Runs(r.Evidence) {
		lines = append(lines, "ran "+run)
	}
	lines = append(lines, checkLines(r)...)
	for _, other := range r.Platforms {
		lines = append(lines, otherPlatform(other)...)
	}
	if r.Scan != nil {
		lines = append(lines, Scanned(r.Scan)...)
	}
	return append(lines, WarningLines(r)...)
}

// PlanSummary is the part of a summary that a plan alone gives.
func PlanSummary(r *builder.Result) []string {
	return append([]string{
		r.Input + ": " + Sizes(r.Before(), r.Plan.After),
		"user " + User(r.Plan.User) + clause(r.Plan.User.Reason),
	}, Sensitive(r.Plan)...)
}

// Warnings are all warnings of a result, one sentence each.
func Warnings(r *builder.Result) []string {
	var all []string
	if r.Evidence != nil {
		all = append(all, r.Evidence.Warnings...)
		for _, run := range r.Evidence.Runs {
			for _, unfaithful := range run.Unfaithful {
				all = append(all, run.Name+": "+unfaithful)
			}
		}
	}
	for _, reason := range r.Plan.Incomplete {
		all = append(all, "the package database and the bill of materials of the slim image are incomplete: "+reason)
	}
	for _, warning := range r.Plan.Warnings {
		if !slices.Contains(r.Plan.Incomplete, warning) {
			all = append(all, warning)
		}
	}
	return all
}

// WarningLines are the warnings of a result as lines of a summary.
func WarningLines(r *builder.Result) []string { return warningLines(Warnings(r)) }

func warningLines(warnings []string) []string {
	lines := make([]string, len(warnings))
	for i, warning := range warnings {
		lines[i] = "warning: " + warning
	}
	return lines
}

// Runs is one clause for each run of the evidence: its name and kind, how many probes got an answer, why it failed.
func Runs(evidence *analyzer.Evidence) []string {
	if evidence == nil {
		return nil
	}
	var list []string
	for _, run := range evidence.Runs {
		line := fmt.Sprintf("%s (%s)", run.Name, run.Kind)
		if len(run.Answers) > 0 { // without answers, a test suite of the user's drove it
			line += fmt.Sprintf(": %d of %d probes answered", run.Answered(), len(run.Answers))
		}
		if protocols := run.Protocols(); protocols != "" {
			line += "; " + protocols
		}
		if run.Failure != "" {
			line += "; " + run.Failure
		}
		list = append(list, line)
	}
	return list
}

func checkLines(r *builder.Result) []string {
	c := CheckOf(r)
	lines := []string{c.Line()}
	if c.Exercised != "" {
		lines = append(lines, "exercised: "+c.Exercised)
	}
	switch {
	case c.Confined != "":
		more := ""
		if c.AnyUser {
			more = "; works as any user in group 0"
		}
		lines = append(lines, "hardened: ran "+c.Confined+more)
		for _, why := range c.Unfaithful {
			lines = append(lines, "warning: the check could not apply the whole profile: "+why)
		}
	case c.Unconfined != "":
		lines = append(lines, "warning: it does not run under its own profile: "+c.Unconfined)
	}
	return lines
}

// otherPlatform is the summary of a further image of an index.
func otherPlatform(r *builder.Result) []string {
	if r.Plan == nil {
		return nil
	}
	lines := []string{r.Platform + ": " + Sizes(r.Before(), r.Plan.After)}
	for _, why := range []string{r.Unobserved, r.Unchecked} {
		if why != "" {
			lines = append(lines, r.Platform+": "+why)
		}
	}
	return append(lines, checkLines(r)...)
}

// Differences lists how the slim image differs from the original, and the paths that it lacks.
func Differences(v *analyzer.Verdict) []string {
	if v == nil {
		return nil
	}
	var lines []string
	for i, d := range v.Differences {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("  and %d more", len(v.Differences)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  %s, %s: %s was %q, is %q", d.Run, d.Probe, d.What, d.Want, d.Got))
	}
	for i, m := range v.Missing {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("  and %d more paths", len(v.Missing)-i))
			break
		}
		by := ""
		if len(m.By) > 0 {
			by = fmt.Sprintf(" (looked up by %s)", m.By[0])
		}
		lines = append(lines, fmt.Sprintf("  missing %s%s", m.Path, by))
	}
	return lines
}

// SizeTable lists where the bytes of the slim image come from, the largest first.
func SizeTable(sizes *analyzer.Sizes) []string {
	if sizes == nil {
		return nil
	}
	lines := []string{Bytes(sizes.Total)}
	if floor := Floor(sizes); floor != "" {
		lines[0] += ", " + floor
	}
	for _, list := range []struct {
		title string
		sizes []analyzer.Size
	}{{"reason", sizes.Reasons}, {"package", sizes.Packages}, {"layer", sizes.Layers}} {
		lines = append(lines, "by "+list.title+":")
		for i, size := range list.sizes {
			if i == maxSizes {
				lines = append(lines, fmt.Sprintf("  and %d more", len(list.sizes)-maxSizes))
				break
			}
			name := size.Name
			if name == "" {
				name = "(no package)"
			}
			lines = append(lines, fmt.Sprintf("  %10s %6d files  %s", Bytes(size.Bytes), size.Files, name))
		}
	}
	return lines
}
