package main

import (
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
)

func (p *program) analyzeCommand() *cli.Command {
	return &cli.Command{
		Name:      "analyze",
		Usage:     "print what would be kept, and why",
		UsageText: "slim analyze [flags] IMAGE [-- PROBE-COMMAND...]",
		Description: `Observes IMAGE, or takes evidence from files, and prints what slim build would keep: one path a line with its
kind, size and reasons, separated by tabs. No image is built.

Examples:
   slim analyze nginx:1.27
   slim analyze app:2 --evidence tests.json --keep observed
   slim analyze app:2 --report report.json && slim explain report.json /bin/sh`,
		Flags:  flags(optionFlags("analyze"), engineFlags(), []cli.Flag{explainSizeFlag(), formatFlag(), reportFlag()}),
		Action: p.analyze,
	}
}

// analyze is the command.
func (p *program) analyze(c *cli.Context) error {
	opt, err := p.prepare(c)
	if err != nil {
		return err
	}
	show, err := p.startProgress(c)
	if err != nil {
		return err
	}
	defer show.close()
	work, err := p.open(c, &opt)
	if err != nil {
		return err
	}
	defer work.close()
	opt.Status, opt.Step = show.status(), show.step
	result, err := builder.Analyze(c.Context, opt)
	show.close()
	if err != nil {
		return err
	}
	if err := p.writeReport(c, result); err != nil {
		return err
	}
	if c.String("format") == "json" {
		err = jsonout.Write(p.stdout, result)
	} else {
		err = printPlan(p.stdout, result.Plan)
	}
	p.info(append(report.PlanSummary(result), report.WarningLines(result)...))
	if c.Bool("explain-size") {
		p.alert(report.SizeTable(result.Sizes))
	}
	if err == nil && report.Failed(result) {
		return errExportedAnyway
	}
	return err
}
