package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
)

// info prints lines on stderr, unless slim is to be quiet.
func (p *program) info(lines []string) {
	for _, line := range lines {
		p.infof("%s", line)
	}
}

// alert prints lines on stderr, always.
func (p *program) alert(lines []string) {
	for _, line := range lines {
		p.alertf("%s", line)
	}
}

// megabytes prints bytes as every report does.
func megabytes(n int64) string { return report.Bytes(n) }

// printResult writes the result to stdout: JSON when asked for, else where the image is, one name or file a line.
func (p *program) printResult(c *cli.Context, result *builder.Result, names []string) error {
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, result)
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
		why := printable.Text(strings.Join(reasons, "; "))
		if _, err := fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", printable.Text(file.Path.String()), file.Kind, file.Size, why); err != nil {
			return err
		}
	}
	return nil
}
