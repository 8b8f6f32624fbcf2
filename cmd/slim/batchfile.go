package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/printable"
)

const (
	maxBatchFile = 4 << 20 // bytes of a file of images
	maxBatch     = 10000   // images in it
)

// batchEntry is one image of --all: the command line of slim build that it stands for.
type batchEntry struct {
	name string   // for people, unique
	args []string // from "slim build" on
	line int
}

// batchWide are flags of build that a file of images has once, on the command line.
var batchWide = []string{"all", "jobs", "resume", "engine", "tls", "progress", "quiet", "format", "help", "explain-size"}

// parseBatch reads a file of images: a list, or "defaults" and "images". The keys of an image are image, or dockerfile and context; name;
// probe-command; and the flags of slim build by their names. Unknown keys, values of another kind, and an image twice are errors with the
// line.
func parseBatch(data []byte, flags []cli.Flag) ([]batchEntry, error) {
	if len(data) > maxBatchFile {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), maxBatchFile)
	}
	var file yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(strings.TrimPrefix(printable.Lines(err.Error()), "yaml: "))
	}
	if len(file.Content) == 0 {
		return nil, errors.New("it has no images")
	}
	list, defaults, err := batchParts(file.Content[0])
	if err != nil {
		return nil, err
	}
	if list == nil || len(list.Content) == 0 {
		return nil, errors.New("it has no images")
	}
	if len(list.Content) > maxBatch {
		return nil, fmt.Errorf("it has %d images, more than %d", len(list.Content), maxBatch)
	}
	r := &batchReader{flags: batchFlags(flags), lines: map[string]int{}}
	if r.defaults, err = r.values(defaults); err != nil {
		return nil, err
	}
	for _, name := range []string{"image", "dockerfile", "file", "context", "name", "tag"} {
		if _, ok := r.defaults[name]; ok {
			return nil, fmt.Errorf("line %d: %s applies to a single image and cannot be a default", defaults.Line, name)
		}
	}
	entries := make([]batchEntry, len(list.Content))
	for i, node := range list.Content {
		if entries[i], err = r.entry(node); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// batchParts finds the list of images and the defaults.
func batchParts(top *yaml.Node) (list, defaults *yaml.Node, err error) {
	if top.Kind == yaml.SequenceNode {
		return top, nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("line %d: it is no list of images", top.Line)
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		switch {
		case key.Value == "images" && value.Kind == yaml.SequenceNode:
			list = value
		case key.Value == "defaults" && value.Kind == yaml.MappingNode:
			defaults = value
		case key.Value == "images" || key.Value == "defaults":
			return nil, nil, fmt.Errorf("line %d: %s is of another kind (images is a list, defaults are keys)", value.Line, key.Value)
		default:
			return nil, nil, fmt.Errorf("line %d: unknown key %q (images, defaults)", key.Line, key.Value)
		}
	}
	return list, defaults, nil
}

// batchReader turns keys into flags.
type batchReader struct {
	flags    map[string]cli.Flag
	defaults map[string][]string
	lines    map[string]int // of each image's name
}

// batchFlags are the flags that an image may have.
func batchFlags(flags []cli.Flag) map[string]cli.Flag {
	found := map[string]cli.Flag{}
	for _, flag := range flags {
		if name := flag.Names()[0]; !slices.Contains(batchWide, name) {
			found[name] = flag
		}
	}
	return found
}

// values reads the keys of a mapping. A toggle that is off has no value.
func (r *batchReader) values(node *yaml.Node) (map[string][]string, error) {
	found := map[string][]string{}
	if node == nil {
		return found, nil
	}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: it is no image (\"- image: NAME\")", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if _, twice := found[key.Value]; twice {
			return nil, fmt.Errorf("line %d: %s stands there twice", key.Line, key.Value)
		}
		list, err := r.value(key.Value, value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", key.Line, err)
		}
		found[key.Value] = list
	}
	return found, nil
}

// own are keys that are no flags; what is true may be a list.
var batchOwn = map[string]bool{"image": false, "dockerfile": false, "context": false, "name": false, "probe-command": true}

func (r *batchReader) value(key string, node *yaml.Node) ([]string, error) {
	many, own := batchOwn[key]
	if !own {
		flag := r.flags[key]
		if flag == nil {
			return nil, unknownKey(key, r.flags)
		}
		_, many = flag.(*cli.StringSliceFlag)
		if doc, ok := flag.(cli.DocGenerationFlag); ok && !doc.TakesValue() && node.Tag == "!!bool" {
			return []string{node.Value}, nil
		}
	}
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag != "!!null":
		return []string{node.Value}, nil
	case node.Kind == yaml.SequenceNode && many:
		var list []string
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return nil, fmt.Errorf("%s: an item is no text", key)
			}
			list = append(list, item.Value)
		}
		return list, nil
	case many:
		return nil, fmt.Errorf("%s is a text or a list of them", key)
	}
	return nil, fmt.Errorf("%s is one text", key)
}

func unknownKey(key string, flags map[string]cli.Flag) error {
	names := []string{"image", "dockerfile", "context", "name", "probe-command"}
	for name := range flags {
		names = append(names, name)
	}
	slices.Sort(names)
	if slices.Contains(batchWide, key) {
		return fmt.Errorf("%s is said once, on the command line", key)
	}
	if near := closest(key, names); near != "" {
		return fmt.Errorf("unknown key %q: did you mean %s?", key, near)
	}
	return fmt.Errorf("unknown key %q (%s)", key, strings.Join(names, ", "))
}

// entry reads one image.
func (r *batchReader) entry(node *yaml.Node) (batchEntry, error) {
	e := batchEntry{line: node.Line}
	fail := func(format string, args ...any) (batchEntry, error) {
		return e, fmt.Errorf("line %d: %s", node.Line, fmt.Sprintf(format, args...))
	}
	values, err := r.values(node)
	if err != nil {
		return e, err
	}
	for key, list := range r.defaults {
		if _, ok := values[key]; !ok {
			values[key] = list
		}
	}
	one := func(key string) string { return strings.Join(values[key], "") }
	image := one("image")
	if file := one("dockerfile"); file != "" {
		values["file"] = []string{file}
	}
	switch {
	case strings.HasPrefix(image, "-"):
		return fail("%q is no image that a list can have", image)
	case image != "" && one("file")+one("context") != "":
		return fail("it has image beside dockerfile or context")
	case image == "" && (one("file") == "" || one("context") == ""):
		return fail("it has neither image, nor dockerfile and context")
	}
	e.name = one("name")
	if e.name == "" {
		e.name = image + one("file")
	}
	if before := r.lines[e.name]; before != 0 {
		return fail("%s stands in line %d, too: give one of them a name", e.name, before)
	}
	r.lines[e.name] = node.Line
	e.args = []string{"slim", "build"}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if _, own := batchOwn[key]; own {
			continue
		}
		for _, value := range values[key] {
			e.args = append(e.args, "--"+key+"="+value)
		}
	}
	e.args = append(e.args, image+one("context"))
	if command := values["probe-command"]; len(command) > 0 {
		e.args = append(append(e.args, "--"), command...)
	}
	return e, nil
}
