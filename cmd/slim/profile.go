package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/layers/infile"
)

func (p *program) profileCommand() *cli.Command {
	return &cli.Command{
		Name:      "profile",
		Usage:     "write the files that confine an image where it runs",
		UsageText: "slim profile --evidence FILE -o DIR [flags]",
		Description: `Writes a seccomp filter, an AppArmor profile, a docker command, a compose file and Kubernetes manifests from evidence,
without building anything, and prints the names of the files. With --public-key also admission policies for Kyverno and
policy-controller. Uncertainties are printed on stderr and noted in the files.

Examples:
   slim profile --evidence evidence.json --name registry.example.com/app:2-slim -o profile
   slim profile --evidence a.json --evidence b.json --plan report.json --name app:2-slim -o profile --force
   slim profile --plan report.json --public-key cosign.pub --name registry.example.com/app:2-slim -o profile`,
		Flags: []cli.Flag{
			texts(groupInput, "evidence", "evidence FILE of slim observe (repeatable, united; default is that of the report in --plan)"),
			text(groupInput, "plan", "FILE with the plan of the slim image: a report of slim build or slim analyze"),
			text(groupInput, "name", "name of the slim IMAGE that the files are for"),
			text(groupInput, "public-key", "PEM FILE with the key that signs the image: writes admission.yaml too"),
			text(groupOutput, "output", "write the files into DIR", "o"),
			toggle(groupOutput, "force", "overwrite files in DIR"),
			quietFlag(),
		},
		Action: p.profile,
	}
}

// profile is the command.
func (p *program) profile(c *cli.Context) error {
	if _, err := p.arguments(c); err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	dir := c.String("output")
	if dir == "" {
		return usagef("example: slim profile --evidence evidence.json -o profile", "--output is missing")
	}
	evidence, plan, err := p.profileInput(c)
	if err != nil {
		return err
	}
	model := profile.From(evidence, plan, c.String("name"))
	files, err := profile.Files(model)
	if err != nil {
		return err
	}
	if name := c.String("public-key"); name != "" {
		key, err := p.readFile(name)
		if err != nil {
			return err
		}
		if files["admission.yaml"], err = profile.Admission(model, key); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := writeFiles(dir, files, c.Bool("force")); err != nil {
		return err
	}
	for _, warning := range model.Warnings {
		p.infof("warning: %s", warning)
	}
	out := &printer{w: p.stdout}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out.line("%s", filepath.Join(dir, name))
	}
	return out.err
}

// profileInput reads the evidence and, where it is given, the plan. Both must be of the same image.
func (p *program) profileInput(c *cli.Context) (*analyzer.Evidence, *analyzer.Plan, error) {
	list, err := p.evidence(c.StringSlice("evidence"))
	if err != nil {
		return nil, nil, err
	}
	var plan *analyzer.Plan
	if name := c.String("plan"); name != "" {
		var own *analyzer.Evidence
		if plan, own, err = p.readPlan(name); err != nil {
			return nil, nil, err
		}
		if len(list) == 0 && own != nil {
			list = append(list, own)
		}
	}
	if len(list) == 0 {
		return nil, nil, usagef("make it with `slim observe IMAGE -o evidence.json`", "--evidence is missing")
	}
	evidence, err := analyzer.Merge(list...)
	if err != nil {
		return nil, nil, err
	}
	if plan != nil && plan.Image != evidence.Image {
		return nil, nil, fmt.Errorf("the evidence is of image %s, the plan of %s", evidence.Image, plan.Image)
	}
	return evidence, plan, nil
}

// readPlan reads a plan, or a report with a plan and its evidence, which may be nil.
func (p *program) readPlan(name string) (*analyzer.Plan, *analyzer.Evidence, error) {
	data, err := p.readFile(name)
	if err != nil {
		return nil, nil, err
	}
	var report struct {
		Schema   string          `json:"schema"`
		Evidence json.RawMessage `json:"evidence"`
		Plan     json.RawMessage `json:"plan"`
	}
	var evidence *analyzer.Evidence
	if err := json.Unmarshal(data, &report); err == nil && report.Schema == builder.ResultSchema {
		data = report.Plan
		if len(report.Evidence) > 0 && string(report.Evidence) != "null" {
			if evidence, err = analyzer.ReadEvidence(bytes.NewReader(report.Evidence)); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	plan, err := analyzer.ReadPlan(data)
	if err != nil {
		return nil, nil, &hintError{err: fmt.Errorf("%s: %w", name, err),
			hint: "make one with `slim build --report FILE` or `slim analyze --report FILE`"}
	}
	return plan, evidence, nil
}

// writeFiles writes files into a directory, which it makes if need be: all of them beside their names first, then each under its name. It
// refuses to replace a file unless force is set. Scripts (.sh) are executable. Other users may not read them: evidence and reports are
// among them.
func writeFiles(dir string, files map[string][]byte, force bool) (err error) {
	if err := infile.Stays(dir); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil && !force {
			return &hintError{err: fmt.Errorf("%s exists", filepath.Join(dir, name)), hint: "pass --force to overwrite it"}
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	parts := map[string]string{}
	defer func() {
		for _, part := range parts {
			if err != nil {
				os.Remove(part)
			}
		}
	}()
	for _, name := range names {
		part, err := writePart(dir, name, files[name])
		if part != "" {
			parts[name] = part
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(dir, name), err)
		}
	}
	for _, name := range names {
		if err := os.Rename(parts[name], filepath.Join(dir, name)); err != nil {
			return err
		}
		delete(parts, name)
	}
	return nil
}

// writePart writes a temporary file beside its final name, and returns the temporary name even when writing failed.
func writePart(dir, name string, data []byte) (string, error) {
	part, err := os.CreateTemp(dir, "."+name+".part-")
	if err != nil {
		return "", err
	}
	mode := fs.FileMode(0o600)
	if filepath.Ext(name) == ".sh" {
		mode = 0o700
	}
	_, err = part.Write(data)
	return part.Name(), errors.Join(err, part.Chmod(mode), part.Close())
}
