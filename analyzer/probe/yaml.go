package probe

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// eachKey calls the function of each key of a mapping. A key that has none is an error, with the nearest one that has.
func eachKey(node *yaml.Node, parts map[string]func(*yaml.Node) error) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected one of the keys %s", node.Line, keyList(parts))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		part := parts[key.Value]
		switch {
		case part == nil:
			return unknownKey(key, parts)
		case seen[key.Value]:
			return fmt.Errorf("line %d: %q is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		if err := part(value); err != nil {
			return err
		}
	}
	return nil
}

func keyList(parts map[string]func(*yaml.Node) error) string {
	var keys []string
	for key := range parts {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func unknownKey(key *yaml.Node, parts map[string]func(*yaml.Node) error) error {
	const near = 2 // letters apart
	best, least := "", near+1
	for _, known := range strings.Split(keyList(parts), ", ") {
		if n := distance(key.Value, known); n < least && n < len(known) {
			best, least = known, n
		}
	}
	if best != "" {
		return fmt.Errorf("line %d: unknown key %q, did you mean %q?", key.Line, key.Value, best)
	}
	return fmt.Errorf("line %d: unknown key %q, not one of %s", key.Line, key.Value, keyList(parts))
}

// distance is the number of letters to insert, drop or change that makes b of a; names much longer than any key are far.
func distance(a, b string) int {
	const long = 32
	if len(a) > long || len(b) > long {
		return long
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// decode reads a value; the error names the line.
func decode(node *yaml.Node, to any) error {
	if err := node.Decode(to); err != nil {
		return plainYAML(err)
	}
	return nil
}

// number reads a whole number within bounds.
func number(node *yaml.Node, to *int, least, most int) error {
	if err := decode(node, to); err != nil {
		return err
	}
	if *to < least || *to > most {
		return fmt.Errorf("line %d: %d is not between %d and %d", node.Line, *to, least, most)
	}
	return nil
}
