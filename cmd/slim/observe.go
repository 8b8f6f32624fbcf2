package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

func (p *program) observeCommand() *cli.Command {
	return &cli.Command{
		Name:      "observe",
		Usage:     "run an image and record what it does",
		UsageText: "slim observe [flags] IMAGE [-- PROBE-COMMAND...]",
		Description: `Runs IMAGE as slim build would and writes the evidence: which paths were used, which programs ran, what each
probe answered. Several files of evidence can be united by slim build --evidence. Without --output the evidence is printed.

Examples:
   slim observe nginx:1.27 -o evidence.json
   slim observe app:2 --probe requests.yaml --timeout 5m -o tests.json
   slim observe python:3 --run '-c "import json"' | jq '.paths | length'`,
		Flags:  flags(inputFlags(), observeFlags(), []cli.Flag{text(groupOutput, "output", "write the evidence to FILE", "o")}, engineFlags()),
		Action: p.observe,
	}
}

// observe is the command. Evidence of a run that failed is written with --keep-going alone.
func (p *program) observe(c *cli.Context) error {
	opt, err := p.prepare(c)
	if err != nil {
		return err
	}
	work, err := p.open(c, &opt)
	if err != nil {
		return err
	}
	defer work.close()
	show, err := p.startProgress(c)
	if err != nil {
		return err
	}
	opt.Status, opt.Step = show.status(), show.step
	evidence, err := builder.Observe(c.Context, opt)
	show.close()
	if err != nil {
		return err
	}
	out := c.String("output")
	if out == "" {
		out = "-"
	}
	if err := p.writeFile(out, func(w io.Writer) error { return writeJSON(w, evidence) }); err != nil {
		return err
	}
	for _, run := range runs(evidence) {
		p.say("ran %s", run)
	}
	p.say("%d paths used, %d looked for in vain", len(evidence.Paths), len(evidence.Missing))
	if out != "-" {
		if _, err := fmt.Fprintln(p.stdout, out); err != nil {
			return err
		}
	}
	if failed(&builder.Result{Evidence: evidence}) {
		return errKeptGoing
	}
	return nil
}
