package probe

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/spelling"
	"github.com/slimimage/slim/analyzer/strictyaml"
)

// eachKey calls the function of each key of a mapping. A key without one is an error that names the closest key.
func eachKey(node *yaml.Node, parts map[string]func(*yaml.Node) error) error {
	return strictyaml.Mapping(node, func(key string, value *yaml.Node) error {
		if part := parts[key]; part != nil {
			return part(value)
		}
		known := slices.Sorted(maps.Keys(parts))
		if near := spelling.Closest(key, known); near != "" {
			return fmt.Errorf("unknown key %q, did you mean %q?", key, near)
		}
		return fmt.Errorf("unknown key %q, not one of %s", key, strings.Join(known, ", "))
	})
}

// number reads a whole number within bounds.
func number(node *yaml.Node, to *int, least, most int) error {
	if err := strictyaml.Decode(node, to); err != nil {
		return err
	}
	if *to < least || *to > most {
		return strictyaml.Errorf(node, "%d is not between %d and %d", *to, least, most)
	}
	return nil
}
