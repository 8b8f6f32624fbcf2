package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"

	"github.com/slimimage/slim/analyzer/update"
)

// updatePackages runs one phase of an update of the root filesystem that it is in: it reads --in/request.json and writes --out/report.json.
// Package files are in --out/packages after the phase fetch, and in --in/packages for the phase install.
func updatePackages(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("update", flag.ContinueOnError)
	phase, in := flags.String("phase", "", "fetch or install"), flags.String("in", "", "request.json and package files")
	out := flags.String("out", "", "where report.json and package files go")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := readInput(path.Join(*in, update.RequestFile))
	if err != nil {
		return err
	}
	var req update.Request
	if err := json.Unmarshal(data, &req); err != nil || req.Schema != update.RequestSchema {
		return fmt.Errorf("reading the request: schema %q, want %q: %w", req.Schema, update.RequestSchema, err)
	}
	report, err := runPhase(ctx, *phase, req, *in, *out)
	if err != nil {
		return err
	}
	if data, err = json.Marshal(report); err != nil {
		return err
	}
	return os.WriteFile(path.Join(*out, update.ReportFile), data, 0o644)
}

func runPhase(ctx context.Context, phase string, req update.Request, in, out string) (*update.Report, error) {
	target := update.Target{Root: "/", Tool: update.RunTool, Epoch: req.Epoch}
	manager := update.Find(target)
	switch {
	case manager == nil && phase == "fetch":
		return &update.Report{Schema: update.ReportSchema, Failure: update.ErrNoManager}, nil
	case manager == nil:
		return nil, update.ErrNoManager
	case phase == "fetch":
		files := path.Join(out, update.FilesDir)
		if err := os.MkdirAll(files, 0o755); err != nil {
			return nil, err
		}
		return update.Fetch(ctx, manager, req, files)
	case phase == "install":
		return update.Install(ctx, manager, req, path.Join(in, update.FilesDir), target.Root)
	}
	return nil, fmt.Errorf("no phase %q", phase)
}
