package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/spelling"
	"github.com/slimimage/slim/analyzer/strictyaml"
)

// maxBatch bounds the images of a file.
const maxBatch = 10000

// batchEntry is one image of --all: the command line of slim build that builds it.
type batchEntry struct {
	name string   // unique; shown in progress and reports
	args []string // the whole command line, from "slim build" on
	line int
}

// batchWide are the flags of build that apply to all images: they are given on the command line only.
var batchWide = []string{"all", "jobs", "resume", "allow", "engine", "tls", "progress", "quiet", "format", "help", helpAllName,
	"explain-size"}

// parseBatch reads a file of images: a list, or "defaults" and "images". The keys of an image are image, or dockerfile and context; name;
// probe-command; and the names of the flags of slim build. Unknown keys, values of the wrong type and duplicate images are errors with
// the line.
//
// limits says what the file may set; nil allows everything.
func parseBatch(data []byte, flags []cli.Flag, limits *batchLimits) ([]batchEntry, error) {
	file, err := strictyaml.Document(data)
	if err != nil {
		return nil, errors.New(printable.Lines(err.Error()))
	}
	if file == nil {
		return nil, errors.New("the file lists no images")
	}
	list, defaults, err := batchParts(file)
	if err != nil {
		return nil, err
	}
	if list == nil || len(list.Content) == 0 {
		return nil, errors.New("the file lists no images")
	}
	if len(list.Content) > maxBatch {
		return nil, fmt.Errorf("the file lists %d images, the limit is %d", len(list.Content), maxBatch)
	}
	r := &batchReader{flags: batchFlags(flags), lines: map[string]int{}, limits: limits}
	if r.defaults, err = r.values(defaults); err != nil {
		return nil, err
	}
	for _, name := range []string{"image", "dockerfile", "file", "context", "name", "tag"} {
		if _, ok := r.defaults[name]; ok {
			return nil, strictyaml.Errorf(defaults, "%s applies to a single image and cannot be a default", name)
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
		return nil, nil, strictyaml.Errorf(top, "the file is not a list of images")
	}
	err = strictyaml.Mapping(top, func(key string, value *yaml.Node) error {
		switch {
		case key == "images" && value.Kind == yaml.SequenceNode:
			list = value
		case key == "defaults" && value.Kind == yaml.MappingNode:
			defaults = value
		case key == "images" || key == "defaults":
			return strictyaml.Errorf(value, "%s has the wrong type (images is a list, defaults is a mapping)", key)
		default:
			return fmt.Errorf("unknown key %q (images, defaults)", key)
		}
		return nil
	})
	return list, defaults, err
}

// batchReader turns keys into flags.
type batchReader struct {
	flags    map[string]cli.Flag
	defaults map[string][]string
	lines    map[string]int // of each image's name
	limits   *batchLimits
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
	err := strictyaml.Mapping(node, func(key string, value *yaml.Node) (err error) {
		if found[key], err = r.value(key, value); err != nil {
			return err
		}
		return r.limits.check(key, found[key])
	})
	return found, err
}

// batchOwn are the keys that are not flags, and whether each may be a list.
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
				return nil, fmt.Errorf("%s: a list item is not a text", key)
			}
			list = append(list, item.Value)
		}
		return list, nil
	case many:
		return nil, fmt.Errorf("%s takes a text or a list of texts", key)
	}
	return nil, fmt.Errorf("%s takes one text", key)
}

func unknownKey(key string, flags map[string]cli.Flag) error {
	names := []string{"image", "dockerfile", "context", "name", "probe-command"}
	for name := range flags {
		names = append(names, name)
	}
	slices.Sort(names)
	if slices.Contains(batchWide, key) {
		return fmt.Errorf("%s is not a key: pass it once, on the command line", key)
	}
	if near := spelling.Closest(key, names); near != "" {
		return fmt.Errorf("unknown key %q: did you mean %s?", key, near)
	}
	return fmt.Errorf("unknown key %q (%s)", key, strings.Join(names, ", "))
}

// entry reads one image.
func (r *batchReader) entry(node *yaml.Node) (batchEntry, error) {
	e := batchEntry{line: node.Line}
	fail := func(format string, args ...any) (batchEntry, error) {
		return e, strictyaml.Errorf(node, format, args...)
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
		return fail("%q is not the name of an image", image)
	case image != "" && one("file")+one("context") != "":
		return fail("image cannot be combined with dockerfile or context")
	case image == "" && (one("file") == "" || one("context") == ""):
		return fail("either image, or dockerfile and context, must be set")
	}
	e.name = one("name")
	if e.name == "" {
		e.name = image + one("file")
	}
	if before := r.lines[e.name]; before != 0 {
		return fail("%s is also in line %d: give one of them a name", e.name, before)
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
