package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"

	"github.com/slimimage/slim/analyzer/update"
)

// updatePackages runs one phase of an update of the root filesystem that it is in: it reads --in/request.json and writes --out/report.json.
// Package files are in --out/packages after the phase fetch, and in --in/packages for the phase install. With --root, it updates the
// image there instead.
func updatePackages(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("update", flag.ContinueOnError)
	phase, in := flags.String("phase", "", "fetch or install"), flags.String("in", "", "request.json and package files")
	out := flags.String("out", "", "where report.json and package files go")
	root := flags.String("root", "", "another root filesystem to update, with the package manager of this one")
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
	report, err := runPhase(ctx, *phase, req, updateDirs{*in, *out, *root})
	if err != nil {
		return err
	}
	if data, err = json.Marshal(report); err != nil {
		return err
	}
	return os.WriteFile(path.Join(*out, update.ReportFile), data, 0o644)
}

// updateDirs are the directories of a phase.
type updateDirs struct {
	in, out string
	root    string // of the image to update; "" for the root filesystem of this process
}

func runPhase(ctx context.Context, phase string, req update.Request, dirs updateDirs) (*update.Report, error) {
	manager, root, err := findManager(req, dirs.root)
	var refused *update.Error
	switch {
	case errors.As(err, &refused) && phase == "fetch":
		return &update.Report{Schema: update.ReportSchema, Failure: refused}, nil
	case err != nil:
		return nil, err
	case phase == "fetch":
		files := path.Join(dirs.out, update.FilesDir)
		if err := os.MkdirAll(files, 0o755); err != nil {
			return nil, err
		}
		return update.Fetch(ctx, manager, req, files)
	case phase == "install":
		return update.Install(ctx, manager, req, path.Join(dirs.in, update.FilesDir), root)
	}
	return nil, fmt.Errorf("no phase %q", phase)
}

// findManager finds what updates an image: its own package manager, or that of this root filesystem for another one.
func findManager(req update.Request, other string) (m update.Manager, root string, err error) {
	target := update.Target{Root: "/", Tool: update.RunTool, Epoch: req.Epoch}
	if other != "" {
		m, err = update.FindHelper(target, other)
		return m, other, err
	}
	if m = update.Find(target); m == nil {
		return nil, "", update.ErrNoManager
	}
	return m, target.Root, nil
}
