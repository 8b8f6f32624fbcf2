package builder

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/vuln"
)

// ProjectFile is a project's own file of options, beside its Dockerfile: the key "build" has those of builds (rows of Table with SetBy
// Repository), the others are for slim scan and slim sbom.
const ProjectFile = ".slim.yaml"

// ProjectSection is the key whose part of the file is read here.
const ProjectSection = "build"

// Given is what somebody gave for an option.
type Given struct {
	Option Option
	Values []string
	From   string // where, for errors: ".slim.yaml, line 3", "SLIM_KEEP"
}

// Apply gives opt the values.
func (g Given) Apply(opt *Options) error {
	if err := g.Option.Apply(opt, g.Values); err != nil {
		return fmt.Errorf("%s: %w", g.From, err)
	}
	return nil
}

// ReadProject reads the section "build" of a project's file, in the order of the file. Unknown keys anywhere in the file are errors, with
// the line.
func ReadProject(data []byte) ([]Given, error) {
	if _, err := vuln.ReadConfig(data, ProjectSection); err != nil {
		return nil, fmt.Errorf("%s: %w", ProjectFile, err)
	}
	var file map[string]yaml.Node
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", ProjectFile, err)
	}
	section, ok := file[ProjectSection]
	if !ok || section.Tag == "!!null" {
		return nil, nil
	}
	if section.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s, line %d: %s: keys and values are expected", ProjectFile, section.Line, ProjectSection)
	}
	var all []Given
	for i := 0; i+1 < len(section.Content); i += 2 {
		one, err := readOption(section.Content[i], section.Content[i+1])
		if err == nil && slices.ContainsFunc(all, func(g Given) bool { return g.Option.Name == one.Option.Name }) {
			err = fmt.Errorf("key %q again", one.Option.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %s: %w", ProjectFile, section.Content[i].Line, ProjectSection, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func readOption(key, value *yaml.Node) (Given, error) {
	options := OptionsFor(Repository)
	at := slices.IndexFunc(options, func(o Option) bool { return o.Name == key.Value })
	if at < 0 {
		if err := notSetBy(key.Value); err != nil {
			return Given{}, fmt.Errorf("key %q: %w", key.Value, err)
		}
		return Given{}, fmt.Errorf("unknown key %q; the keys are the flags of slim build: %s", key.Value,
			optionNames(options, func(name string) string { return name }))
	}
	given := Given{Option: options[at], From: fmt.Sprintf("%s, line %d", ProjectFile, key.Line)}
	nodes := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode && given.Option.Repeatable() {
		nodes = value.Content
	}
	for _, node := range nodes {
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
			return given, errors.New(key.Value + ": one value is expected")
		}
		if given.Option.Kind == Pairs && !strings.Contains(node.Value, "=") {
			return given, fmt.Errorf("%s: %q is not KEY=VALUE: a project takes no value from the environment of who runs slim", key.Value,
				node.Value)
		}
		given.Values = append(given.Values, node.Value)
	}
	return given, nil
}
