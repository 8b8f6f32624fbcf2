package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// maxInput bounds a file that a stage reads, in bytes.
const maxInput = 512 << 20

// pack copies layer --layer of the plan --plan from --src into --out.
func pack(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	src, out := flags.String("src", "/src", "root filesystem of the image"), flags.String("out", "/out", "root filesystem of the slim image")
	planFile, layer := flags.String("plan", "", "plan.json"), flags.Int("layer", 0, "number of the layer to copy")
	epoch := flags.Int64("epoch", 0, "mtime of files slim makes, in seconds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := readInput(*planFile)
	if err != nil {
		return err
	}
	plan, err := analyzer.ReadPlan(data)
	if err != nil {
		return err
	}
	from, err := os.OpenRoot(*src)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(*out)
	if err != nil {
		return err
	}
	defer to.Close()
	if *layer < 0 || *layer >= max(len(plan.Layers), 1) {
		return fmt.Errorf("the plan has no layer %d, only %d layers", *layer, len(plan.Layers))
	}
	items, dirs := layerItems(plan, *layer)
	return layers.Copy(to, from, items, layers.CopyOptions{Epoch: *epoch, Dirs: dirs})
}

// layerItems returns the paths of one layer, and the directories of other layers, which may be parents in this one. The root directory is
// in every layer, because each entry changes it.
func layerItems(plan *analyzer.Plan, layer int) (items []layers.Item, dirs map[string]layers.Item) {
	root := layers.Item{Path: "."}
	dirs = map[string]layers.Item{}
	for _, f := range plan.Files {
		item := layers.Item{Path: string(f.Path), UID: f.UID, GID: f.GID, Mode: f.Mode,
			Content: f.Content, HasContent: f.Edited || f.New && f.Kind == "file", New: f.New, Kind: f.Kind, Link: f.Link,
			NoCapability: f.NoCapability}
		switch {
		case f.Path == ".":
			root = item
		case f.Layer == layer:
			items = append(items, item)
		case f.Kind == "dir":
			dirs[item.Path] = item
		}
	}
	return append(items, root), dirs
}

func readInput(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("%s has more than %d bytes", name, maxInput)
	}
	return data, err
}
