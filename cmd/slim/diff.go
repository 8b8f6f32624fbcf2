package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/layers"
)

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "show how two images differ",
		UsageText: "slim diff [flags] A B",
		Description: `Prints one path a line: what only B has (+), what only A has (-), and what differs between them (~, with the properties that
differ). The images are not run.

Examples:
   slim diff nginx:1.27 nginx.slim:1.27
   slim diff oci:before oci:after --format json
   slim diff app:1 app:2 | grep '^-' | head`,
		Flags:  []cli.Flag{text(groupInput, "platform", "OS/ARCH of the images to take, where they have several"), formatFlag()},
		Action: p.diff,
	}
}

// diff is the command.
func (p *program) diff(c *cli.Context) error {
	args, err := p.arguments(c, "A", "B")
	if err != nil {
		return err
	}
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return err
	}
	a, err := p.index(c, args[0])
	if err != nil {
		return err
	}
	b, err := p.index(c, args[1])
	if err != nil {
		return err
	}
	changes, err := layers.Diff(a, b)
	if err != nil {
		return fmt.Errorf("comparing %s and %s: %w", args[0], args[1], err)
	}
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, diffReport{diffSchema, changes})
	}
	out := &printer{w: p.stdout}
	for _, change := range changes {
		switch change.Change {
		case layers.Added:
			out.line("+ %s (%s)", change.Path, megabytes(change.After))
		case layers.Removed:
			out.line("- %s (%s)", change.Path, megabytes(change.Before))
		default:
			out.line("~ %s (%s)", change.Path, strings.Join(change.What, ", "))
		}
	}
	return out.err
}

// diffSchema names the version of diffReport.
const diffSchema = "slim/diff/v1"

// diffReport is the result of slim diff as JSON.
type diffReport struct {
	Schema  string          `json:"schema"`  // diffSchema
	Changes []layers.Change `json:"changes"` // sorted by path
}
