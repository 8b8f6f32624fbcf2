package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strings"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/layers"
)

// materials writes the bill of materials of the root filesystem at --src to --out, in both formats, and the inventory for the
// vulnerability scan.
func materials(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	src, out := flags.String("src", "/src", "root filesystem of the image"), flags.String("out", "", "where the documents go")
	opt := sbom.Options{Labels: map[string]string{}}
	flags.StringVar(&opt.Name, "name", "", "name of the image")
	flags.StringVar(&opt.Version, "version", "", "its tag")
	flags.StringVar(&opt.Purl, "purl", "", "its package URL")
	flags.StringVar(&opt.Author, "author", "", "who has the documents made")
	flags.Func("label", "KEY=VALUE, a label of the image; may be repeated", func(text string) error {
		if key, value, ok := strings.Cut(text, "="); ok {
			opt.Labels[key] = value
		}
		return nil
	})
	flags.StringVar(&opt.Created, "created", "", "time of the documents")
	flags.Func("incomplete", "why packages are missing; may be repeated", func(reason string) error {
		opt.Incomplete = append(opt.Incomplete, reason)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	debug.SetGCPercent(400) // a short-lived process: memory for time
	root, err := os.OpenRoot(*src)
	if err != nil {
		return err
	}
	defer root.Close()
	document, err := sbom.Read(ctx, layers.DirFS(root), opt)
	if err != nil {
		return err
	}
	for name, write := range map[string]func() ([]byte, error){
		"sbom.cyclonedx.json": document.CycloneDX, "sbom.spdx.json": document.SPDX,
		"inventory.json": func() ([]byte, error) { return json.Marshal(document.Inventory()) },
	} {
		data, err := write()
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if err := os.WriteFile(path.Join(*out, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
