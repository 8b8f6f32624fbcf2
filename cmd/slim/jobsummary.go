package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers/infile"
)

func summaryFlags() []cli.Flag {
	return []cli.Flag{
		text(groupReport, "summary", "append a summary in Markdown to FILE, such as $GITHUB_STEP_SUMMARY"),
		text(groupReport, "compare", "REPORT of an earlier build (--report): the summary says what changed since"),
	}
}

// jobSummary is the file of --summary; nil writes nothing.
type jobSummary struct {
	file  string
	image string
	last  *builder.Result // of --compare, nil without
}

// openSummary reads the flags, so that a mistake in them is an error before anything is built.
func (p *program) openSummary(c *cli.Context) (*jobSummary, error) {
	s := &jobSummary{file: c.String("summary"), image: c.Args().First()}
	old := c.String("compare")
	switch {
	case s.file == "-":
		return nil, usagef("pass --summary FILE; stdout carries the names of the image", "--summary needs a file")
	case s.file == "" && old != "":
		return nil, usagef("pass --summary FILE too: it says what changed", "--compare needs --summary")
	case s.file == "":
		return nil, nil
	case old == "":
		return s, nil
	}
	var err error
	if s.last, err = p.readResult(old); err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	return s, nil
}

// write appends the summary of a build: its result, which may be nil, and the error that it failed with.
func (s *jobSummary) write(result *builder.Result, failure error) error {
	if s == nil {
		return nil
	}
	return appendSummary(s.file, report.Markdown(report.Job{Image: s.image, Result: result, Failure: failure, Last: s.last}))
}

// appendSummary appends a section to the file of --summary.
func appendSummary(name, section string) error {
	if err := infile.Stays(name); err != nil {
		return fmt.Errorf("--summary: %w", err)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600) // a pipe without a reader is an error
	if err == nil {
		_, err = f.WriteString(section)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("--summary: %w", err)
	}
	return nil
}
