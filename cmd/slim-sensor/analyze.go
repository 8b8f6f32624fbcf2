package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime/debug"
	"strconv"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/keep"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/layers"
)

// analyze reads --in/request.json and --in/evidence-N.json and the image at --src, and writes --out/plan.json. If the
// analysis fails (an include that matches nothing, say), the error goes to --out/error.txt: the files of a failed step are lost.
func analyze(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("analyze", flag.ContinueOnError)
	src, in, out := flags.String("src", "/src", "root filesystem of the image"), flags.String("in", "", "request.json and evidence"),
		flags.String("out", "", "where plan.json goes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := makePlan(ctx, *src, *in, *out); err != nil {
		fmt.Fprintf(os.Stderr, "slim-sensor: %s\n", printable.Lines(err.Error()))
		return os.WriteFile(path.Join(*out, "error.txt"), []byte(err.Error()), 0o644)
	}
	return nil
}

func makePlan(ctx context.Context, src, in, out string) error {
	data, err := readInput(path.Join(in, "request.json"))
	if err != nil {
		return err
	}
	var req analyzer.Request
	if err := json.Unmarshal(data, &req); err != nil || req.Schema != analyzer.RequestSchema {
		return fmt.Errorf("reading the request: schema %q, want %q: %w", req.Schema, analyzer.RequestSchema, err)
	}
	evidence, err := readEvidence(in)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400) // a short-lived process: memory for time
	root, err := os.OpenRoot(src)
	if err != nil {
		return err
	}
	defer root.Close()
	plan, err := keep.Plan(ctx, layers.DirFS(root), req, evidence)
	if err != nil {
		return err
	}
	data, err = json.Marshal(plan)
	if err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return os.WriteFile(path.Join(out, "plan.json"), data, 0o644)
}

// readEvidence reads evidence-0.json and so on.
func readEvidence(dir string) ([]*analyzer.Evidence, error) {
	var list []*analyzer.Evidence
	for i := 0; ; i++ {
		data, err := readInput(path.Join(dir, "evidence-"+strconv.Itoa(i)+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		e, err := analyzer.ReadEvidence(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
}
