package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "explain why a path or a package is kept or dropped",
		UsageText: "slim explain REPORT PATH\nslim explain REPORT --package NAME",
		Description: `Looks PATH up in a report (slim build --report, slim analyze --report, or either with --format json) and prints why it
is kept, or why it was dropped and which flag would keep it. With --package it prints why files of the distribution's package NAME are kept and
which packages need them; in the report of a build with --vuln-db, also of a language's package with a finding: what needs it, the decisions on its
findings, and which manifest to edit.

Examples:
   slim explain report.json /usr/bin/perl
   slim analyze app:2 --format json | slim explain - /bin/sh
   slim explain report.json --package libssl3`,
		Flags:  []cli.Flag{text(groupInput, "package", "explain the package NAME"), formatFlag()},
		Action: p.explain,
	}
}

// explain is the command.
func (p *program) explain(c *cli.Context) error {
	wanted := []string{"REPORT", "PATH"}
	if c.String("package") != "" {
		wanted = wanted[:1]
	}
	args, err := p.arguments(c, wanted...)
	if err != nil {
		return err
	}
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return err
	}
	if c.String("package") != "" {
		return p.explainPackage(c, args[0])
	}
	plan, err := p.readReport(args[0])
	if err != nil {
		return err
	}
	why, err := analyzer.Explain(plan, args[1])
	if err != nil {
		return err
	}
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, why)
	}
	return printExplanation(&printer{w: p.stdout}, why)
}

// readReport reads the plan of a report.
func (p *program) readReport(name string) (*analyzer.Plan, error) {
	result, err := p.readResult(name)
	if err != nil {
		return nil, err
	}
	return result.Plan, nil
}

// readResult reads a report; it has a plan.
func (p *program) readResult(name string) (*builder.Result, error) {
	data, err := p.readFile(name)
	if err != nil {
		return nil, err
	}
	var report builder.Result
	if err := json.Unmarshal(data, &report); err != nil || report.Schema != builder.ResultSchema || report.Plan == nil {
		return nil, &hintError{err: fmt.Errorf("%s is not a report of slim", name),
			hint: "make one with `slim build --report FILE` or `slim analyze --report FILE`"}
	}
	return &report, nil
}

func printExplanation(out *printer, why analyzer.Explanation) error {
	owner := ""
	if why.Package != "" {
		owner = " (package " + why.Package + ")"
	}
	if why.Kept {
		out.line("%s is kept%s:", why.Path, owner)
		for _, reason := range why.Reasons {
			out.line("  %s", reason)
		}
		return out.err
	}
	out.line("%s is dropped%s: %s", why.Path, owner, why.Why)
	if len(why.Hints) > 0 {
		out.line("to keep it: %s", strings.Join(why.Hints, ", or "))
	}
	return out.err
}
