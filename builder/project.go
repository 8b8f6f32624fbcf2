package builder

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/strictyaml"
	"github.com/slimimage/slim/analyzer/vuln"
)

// ProjectFile is the name of a project's options file, beside its Dockerfile. The key "build" has the options of builds (rows of Table
// with SetBy Repository); slim scan and slim sbom read the other keys.
const ProjectFile = ".slim.yaml"

// ProjectSection is the key of the section that ReadProject reads.
const ProjectSection = "build"

// Given holds the values of an option and where they come from.
type Given struct {
	Option Option
	Values []string
	From   string // where, for errors: ".slim.yaml, line 3", "SLIM_KEEP"
}

// Apply sets the values in opt.
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
	var all []Given
	err := strictyaml.Mapping(&section, func(key string, value *yaml.Node) error {
		one, err := readOption(key, value)
		all = append(all, one)
		return err
	})
	var wrong *strictyaml.Error
	if errors.As(err, &wrong) {
		return nil, fmt.Errorf("%s, line %d: %s: %w", ProjectFile, wrong.Line, ProjectSection, wrong.Err)
	}
	return all, err
}

func readOption(key string, value *yaml.Node) (Given, error) {
	options := OptionsFor(Repository)
	at := slices.IndexFunc(options, func(o Option) bool { return o.Name == key })
	if at < 0 {
		if err := notSetBy(key); err != nil {
			return Given{}, fmt.Errorf("key %q: %w", key, err)
		}
		return Given{}, fmt.Errorf("unknown key %q; the keys are the flags of slim build: %s", key,
			optionNames(options, func(name string) string { return name }))
	}
	given := Given{Option: options[at], From: fmt.Sprintf("%s, line %d", ProjectFile, value.Line)}
	nodes := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode && given.Option.Repeatable() {
		nodes = value.Content
	}
	for _, node := range nodes {
		if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
			return given, errors.New(key + ": one value is expected")
		}
		if given.Option.Kind == Pairs && !strings.Contains(node.Value, "=") {
			return given, fmt.Errorf("%s: %q is not KEY=VALUE: a project takes no value from the environment of who runs slim", key,
				node.Value)
		}
		given.Values = append(given.Values, node.Value)
	}
	return given, nil
}
