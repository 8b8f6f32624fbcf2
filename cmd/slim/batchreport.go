package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/shell"
)

// batchSchema names the version of batchResult.
const batchSchema = "slim/batch/v1"

// batchResult is the result of slim build --all.
type batchResult struct {
	Schema string       `json:"schema"`
	Images []batchImage `json:"images"` // in the order of the file
}

// batchImage is the outcome of one image.
type batchImage struct {
	Name       string   `json:"name"`
	State      string   `json:"state"`              // "done", "before" (by an earlier run), "failed" or "cancelled"
	ExitCode   int      `json:"exitCode,omitempty"` // that slim build would have had for it
	Error      string   `json:"error,omitempty"`
	Hint       string   `json:"hint,omitempty"`
	Image      string   `json:"image,omitempty"`  // digest of the input
	Digest     string   `json:"digest,omitempty"` // of the slim image
	Names      []string `json:"names,omitempty"`
	Written    []string `json:"written,omitempty"`
	SizeBefore int64    `json:"sizeBefore,omitempty"`
	SizeAfter  int64    `json:"sizeAfter,omitempty"`
}

// States of a batchImage.
const (
	batchDone      = "done"
	batchBefore    = "before"
	batchFailed    = "failed"
	batchCancelled = "cancelled"
)

// batchError names the images that failed. Its exit code is 3 where all of them failed their run or check, else 1.
type batchError struct {
	failed []string
	total  int
	code   int
	file   string
}

func (e *batchError) Error() string {
	return fmt.Sprintf("%d of %d images failed: %s", len(e.failed), e.total, strings.Join(e.failed, ", "))
}

func (e *batchError) hint() string {
	return "slim build --all " + shell.Quote(e.file) + " --resume builds the rest"
}

func (b *batch) count(state string) int {
	n := 0
	for _, image := range b.result.Images {
		if image.State == state {
			n++
		}
	}
	return n
}

// table prints the outcome of every image.
func (b *batch) table() {
	if b.p.quiet {
		return
	}
	w := tabwriter.NewWriter(b.p.stderr, 0, 8, 2, ' ', 0)
	for _, image := range b.result.Images {
		switch image.State {
		case batchFailed:
			fmt.Fprintf(w, "slim:   %s\tfailed\t%s\n", printable.Text(image.Name), printable.Text(image.Error))
		default:
			fmt.Fprintf(w, "slim:   %s\t%s\t%s -> %s\t%s\n", printable.Text(image.Name), image.State, megabytes(image.SizeBefore),
				megabytes(image.SizeAfter),
				printable.Text(strings.Join(append(image.Names, image.Written...), " ")))
		}
	}
	w.Flush()
	b.p.infof("%d done, %d done before, %d failed", b.count(batchDone), b.count(batchBefore), b.count(batchFailed))
}

// print writes the result to stdout.
func (b *batch) print(c *cli.Context) error {
	if c.String("format") == "json" {
		return jsonout.Write(b.p.stdout, b.result)
	}
	out := &printer{w: b.p.stdout}
	for _, image := range b.result.Images {
		if image.State == batchFailed {
			continue
		}
		for _, name := range append(image.Names, image.Written...) {
			out.line("%s", name)
		}
	}
	return out.err
}

// failure is the error of a run in which images failed.
func (b *batch) failure() error {
	e := &batchError{total: len(b.entries), file: b.file, code: exitCheck}
	for _, image := range b.result.Images {
		switch {
		case image.State != batchFailed:
			continue
		case image.ExitCode != exitCheck:
			e.code = exitFailure
		}
		e.failed = append(e.failed, image.Name)
	}
	if len(e.failed) == 0 {
		return nil
	}
	return e
}
