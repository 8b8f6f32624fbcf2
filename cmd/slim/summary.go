package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/cmd/slim/htmlreport"
)

// summarize prints on stderr what was made: sizes, user, what was checked, warnings.
func (p *program) summarize(result *builder.Result) {
	plan := result.Plan
	if plan == nil {
		return
	}
	p.say("%s: %s", result.Input, shrunk(plan.Before, plan.After))
	p.say("user %s%s", numericUser(plan.User), clause(plan.User.Reason))
	for _, run := range runs(result.Evidence) {
		p.say("ran %s", run)
	}
	p.checked(result)
	p.otherPlatforms(result)
	p.vulnerabilities(result.Scan)
	for _, warning := range htmlreport.Warnings(result) {
		p.say("warning: %s", warning)
	}
}

// shrunk is "188.2 MB in 9213 files -> 14.1 MB in 212 files (7%)".
func shrunk(before, after analyzer.Totals) string {
	share := ""
	if before.Bytes > 0 {
		share = fmt.Sprintf(" (%.0f%%)", 100*float64(after.Bytes)/float64(before.Bytes))
	}
	return fmt.Sprintf("%s in %d files -> %s in %d files%s", megabytes(before.Bytes), before.Files, megabytes(after.Bytes), after.Files, share)
}

// megabytes prints bytes as every report of slim does.
func megabytes(n int64) string { return htmlreport.Bytes(n) }

// most is how many entries of a list of sizes are printed.
const most = 10

// explainSize prints where the bytes of the slim image come from, the most expensive first.
func (p *program) explainSize(sizes *analyzer.Sizes) {
	if sizes == nil {
		return
	}
	floor := ""
	if sizes.Floor > 0 {
		floor = fmt.Sprintf(", %.2f times the %s that the run itself opened", float64(sizes.Total)/float64(sizes.Floor), megabytes(sizes.Floor))
	}
	p.complain("%s%s", megabytes(sizes.Total), floor)
	for _, list := range []struct {
		title string
		sizes []analyzer.Size
	}{{"reason", sizes.Reasons}, {"package", sizes.Packages}, {"layer", sizes.Layers}} {
		p.complain("by %s:", list.title)
		for i, size := range list.sizes {
			if i == most {
				p.complain("  and %d more", len(list.sizes)-most)
				break
			}
			name := size.Name
			if name == "" {
				name = "(no package)"
			}
			p.complain("  %10s %6d files  %s", megabytes(size.Bytes), size.Files, name)
		}
	}
}

func numericUser(user analyzer.User) string { return fmt.Sprintf("%d:%d", user.UID, user.GID) }

func clause(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// runs is one clause for each run of the evidence: what it was and what answered.
func runs(evidence *analyzer.Evidence) []string {
	if evidence == nil {
		return nil
	}
	var list []string
	for _, run := range evidence.Runs {
		ok := 0
		for _, answer := range run.Answers {
			if answer.OK {
				ok++
			}
		}
		line := fmt.Sprintf("%s (%s): %d of %d probes answered", run.Name, run.Kind, ok, len(run.Answers))
		if len(run.Answers) == 0 {
			line = fmt.Sprintf("%s (%s)", run.Name, run.Kind) // others drove it
		}
		if run.Failure != "" {
			line += "; " + run.Failure
		}
		list = append(list, line)
	}
	return list
}

// checked says how the slim image answered.
func (p *program) checked(result *builder.Result) {
	verdict := result.Verdict
	switch {
	case verdict == nil:
		p.say("not checked%s", clause(result.Unchecked))
	case verdict.OK && len(verdict.Volatile) > 0:
		p.say("checked: %d answers the same (%d of them vary by themselves)", verdict.Checked, len(verdict.Volatile))
	case verdict.OK:
		p.say("checked: %d answers, all the same", verdict.Checked)
	default:
		p.say("checked: %d of %d answers differ", len(verdict.Differences), verdict.Checked)
	}
	p.hardened(result)
}

// hardened says under what the slim image was checked.
func (p *program) hardened(result *builder.Result) {
	verdict := result.Verdict
	switch {
	case verdict == nil:
	case verdict.Confined:
		more := ""
		if verdict.AnyUser {
			more = "; works as any user in group 0"
		}
		p.say("hardened: it ran as %s on a read-only root filesystem, without capabilities, with %d of Linux' system calls%s",
			numericUser(result.Plan.User), len(profile.Allowed(*result.Profile)), more)
	case verdict.Unconfined != "":
		p.say("warning: it does not run under its own profile: %s", verdict.Unconfined)
	}
}

// maxListed bounds a list in an error, in lines.
const maxListed = 20

// differences lists how the slim image differs, and the paths it misses.
func (p *program) differences(verdict *analyzer.Verdict) {
	if verdict == nil {
		return
	}
	for i, d := range verdict.Differences {
		if i == maxListed {
			p.complain("  and %d more", len(verdict.Differences)-i)
			break
		}
		p.complain("  %s, %s: %s was %q, is %q", d.Run, d.Probe, d.What, d.Want, d.Got)
	}
	for i, m := range verdict.Missing {
		if i == maxListed {
			p.complain("  and %d more paths", len(verdict.Missing)-i)
			break
		}
		p.complain("  missing %s%s", m.Path, by(m))
	}
}

func by(m analyzer.MissingPath) string {
	if len(m.By) == 0 {
		return ""
	}
	return fmt.Sprintf(" (looked for by %s)", m.By[0])
}

// printResult writes the result to stdout: JSON when asked for, else where the image is, one name or file a line.
func (p *program) printResult(c *cli.Context, result *builder.Result, names []string) error {
	if c.String("format") == "json" {
		return writeJSON(p.stdout, result)
	}
	for _, name := range names {
		if _, err := fmt.Fprintln(p.stdout, name); err != nil {
			return err
		}
	}
	return nil
}

// printPlan writes what would be kept, one path a line: path, kind, size in bytes, reasons.
func printPlan(w io.Writer, plan *analyzer.Plan) error {
	for _, file := range plan.Files {
		reasons := make([]string, len(file.Reasons))
		for i, reason := range file.Reasons {
			reasons[i] = reason.String()
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", file.Path, file.Kind, file.Size, strings.Join(reasons, "; ")); err != nil {
			return err
		}
	}
	return nil
}
