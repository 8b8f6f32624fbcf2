package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
)

func (p *program) observeCommand() *cli.Command {
	return &cli.Command{
		Name:      "observe",
		Usage:     "run an image and record what it does",
		UsageText: "slim observe [flags] IMAGE [-- PROBE-COMMAND...]\nslim observe [flags] --compose FILE SERVICE -- TEST-COMMAND...",
		Description: `Runs IMAGE as slim build does and writes the evidence: the paths used, the programs that ran, the answers to the
probes. slim build --evidence takes one or several such files. Without --output the evidence is printed. With --compose, the test
command exercises a service of a Compose project, which runs under the agent with its dependencies and networks in a temporary
copy of the project.

Examples:
   slim observe nginx:1.27 -o evidence.json
   slim observe app:2 --probe requests.yaml --timeout 5m -o tests.json
   slim observe --compose compose.yaml web -o tests.json -- npm test`,
		Flags: flags(optionFlags("observe"), composeFlags(), []cli.Flag{text(groupOutput, "output", "write the evidence to FILE", "o")},
			engineFlags()),
		Action: p.observe,
	}
}

// observe is the command. It writes the evidence of a failed run only with --keep-going.
func (p *program) observe(c *cli.Context) error {
	if c.IsSet("compose") {
		return p.observeCompose(c)
	}
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
	evidence, err := builder.Observe(c.Context, opt)
	show.close()
	if err != nil {
		return err
	}
	return p.writeEvidence(c, evidence)
}

// writeEvidence writes the evidence and prints a summary.
func (p *program) writeEvidence(c *cli.Context, evidence *analyzer.Evidence) error {
	out := c.String("output")
	if out == "" {
		out = "-"
	}
	if err := p.writeFile(out, func(w io.Writer) error { return jsonout.Write(w, evidence) }); err != nil {
		return err
	}
	for _, run := range report.Runs(evidence) {
		p.infof("ran %s", run)
	}
	p.infof("%d paths used, %d looked up but missing", len(evidence.Paths), len(evidence.Missing))
	if out != "-" {
		if _, err := fmt.Fprintln(p.stdout, out); err != nil {
			return err
		}
	}
	if report.Failed(&builder.Result{Evidence: evidence}) {
		return errExportedAnyway
	}
	return nil
}
