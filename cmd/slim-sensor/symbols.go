package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"

	"github.com/slimimage/slim/analyzer/gosymbols"
	"github.com/slimimage/slim/layers"
)

// symbols answers the questions of --in about the Go programs of the root filesystem at --src; the answers go to --out.
func symbols(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("symbols", flag.ContinueOnError)
	src, in := flags.String("src", "/src", "root filesystem of the image"), flags.String("in", "", "file with the questions")
	out := flags.String("out", "", "file for the answers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := os.ReadFile(*in)
	if err != nil {
		return err
	}
	questions, err := gosymbols.ReadQuestions(data)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(*src)
	if err != nil {
		return err
	}
	defer root.Close()
	answers, err := gosymbols.Ask(ctx, layers.DirFS(root), questions)
	if err != nil {
		return err
	}
	if data, err = json.Marshal(answers); err != nil {
		return err
	}
	return os.WriteFile(*out, data, 0o644)
}
