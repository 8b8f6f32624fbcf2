package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/lint"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

func (p *program) lintCommand() *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "check an image against the container hardening checklist",
		UsageText: "slim lint [flags] IMAGE",
		Description: `Reads the config and every layer of IMAGE, without running it, and checks it against the 40 items of the DevGuard container hardening
guide and against what Dockle, Trivy and Docker Scout check. Findings name the same check in those. Items that only a run or an
organisation can answer are reported as not checked. For images in a registry or an OCI layout it also reads the attached
attestations; signatures are not verified.

Examples:
   slim lint nginx:1.27
   slim lint app:2-slim --fail-on warning --disable R10-shell
   slim lint oci:layout --format sarif -o lint.sarif`,
		Flags: []cli.Flag{
			text(groupInput, "platform", "OS/ARCH of the image to take, where it has several"),
			texts(groupAnalysis, "disable", "leave the RULE out (repeatable)"),
			text(groupReport, "fail-on", "exit with code 1 on a finding of this LEVEL or worse: error, warning or note"),
			withDefault(text(groupReport, "format", "FORMAT of the result: text, json or sarif"), "text"),
			withDefault(text(groupReport, "output", "write the result to FILE; - is stdout", "o"), "-"),
			quietFlag(),
		},
		Action: p.lint,
	}
}

// lint is the command.
func (p *program) lint(c *cli.Context) error {
	args, err := p.arguments(c, "IMAGE")
	if err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	if err := errors.Join(oneOf("format", c.String("format"), "text", "json", "sarif"), oneOf("fail-on", c.String("fail-on"), "", "error",
		"warning", "note"),
		knownRules(c.StringSlice("disable"))); err != nil {
		return err
	}
	in, done, err := p.image(c, args[0])
	if err != nil {
		return err
	}
	defer done()
	found, err := lintImage(c.Context, in, c.StringSlice("disable"))
	if err != nil {
		return fmt.Errorf("image %s: %w", args[0], err)
	}
	p.info(report.Shortened(found.Warnings))
	var buf bytes.Buffer
	switch c.String("format") {
	case "json":
		err = jsonout.Write(&buf, found)
	case "sarif":
		var data []byte
		data, err = found.SARIF(toolVersion())
		buf.Write(data)
	default:
		err = found.Print(&buf)
	}
	if err != nil {
		return err
	}
	if err := p.writeFile(c.String("output"), func(w io.Writer) error { _, err := buf.WriteTo(w); return err }); err != nil {
		return err
	}
	return lintGate(found, lint.Level(c.String("fail-on")))
}

// knownRules rejects unknown rules.
func knownRules(disabled []string) error {
	var ids []string
	for _, rule := range lint.Rules() {
		ids = append(ids, rule.ID)
	}
	for _, id := range disabled {
		if err := oneOf("disable", id, ids...); err != nil {
			return err
		}
	}
	return nil
}

// lintGate is the error for findings that --fail-on does not allow.
func lintGate(found *lint.Report, level lint.Level) error {
	count := found.Worst(level)
	if level == "" || count == 0 {
		return nil
	}
	var ids []string
	for _, result := range found.Results {
		if len(result.Findings) > 0 && result.Findings[0].Level.Rank() >= level.Rank() {
			ids = append(ids, result.ID)
		}
	}
	return fmt.Errorf("%d findings of level %s or worse: %s", count, level, strings.Join(ids, ", "))
}

// lintImage checks an opened image.
func lintImage(ctx context.Context, in *layers.Input, disabled []string) (*lint.Report, error) {
	index, err := layers.NewIndex(in.Image)
	if err != nil {
		return nil, err
	}
	config, err := in.Image.ConfigFile()
	if err != nil {
		return nil, err
	}
	manifest, err := in.Image.Manifest()
	if err != nil {
		return nil, err
	}
	input := lint.Input{Image: in.Name, Config: config, Root: index, Annotations: manifest.Annotations, Disable: disabled}
	if in.Kind == layers.KindRegistry || in.Kind == layers.KindDocker {
		input.Reference = strings.TrimPrefix(in.Name, layers.KindDocker+":")
	} else if in.Tag != "" {
		input.Reference = in.Repo + ":" + in.Tag
	}
	input.Contents = func(do func(string, io.Reader) error) error { return eachContent(ctx, in, index, do) }
	input.Deleted = func(do func(string, int, io.Reader) error) error { return eachHidden(ctx, in, index, do) }
	attached, err := layers.Attachments(ctx, in)
	if err != nil {
		input.NotAttached = err.Error()
	} else {
		input.Attached = attached
	}
	return lint.Check(input)
}

// eachHidden calls do with each regular file that a later layer overwrites or deletes.
func eachHidden(ctx context.Context, in *layers.Input, index *layers.Index, do func(string, int, io.Reader) error) error {
	seen := map[place]bool{}
	for _, e := range index.Entries() {
		seen[place{e.Layer, e.Position}] = true
	}
	list, err := in.Image.Layers()
	if err != nil {
		return err
	}
	for number, layer := range list {
		if index.Layers[number].Wasted == 0 {
			continue
		}
		visit := func(position int, header *tar.Header, r io.Reader) error {
			if header.Typeflag != tar.TypeReg || seen[place{number, position}] {
				return nil
			}
			return do(header.Name, number, r)
		}
		if err := eachHeader(ctx, layer, visit); err != nil {
			return fmt.Errorf("reading layer %d: %w", number+1, err)
		}
	}
	return nil
}
