// Package strictyaml reads YAML that people write: every key is known and stands once, and an error names its line.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Error is an error with the line of the file that it is in.
type Error struct {
	Line int // 0 if the text names it
	Err  error
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *Error for the line of a node.
func Errorf(node *yaml.Node, format string, args ...any) error {
	return &Error{node.Line, fmt.Errorf(format, args...)}
}

// Document returns the value of the only document of a file, nil if the file is empty.
func Document(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var file yaml.Node
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, plain(err)
	}
	if len(file.Content) == 0 {
		return nil, nil
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	return file.Content[0], nil
}

// Mapping calls read for each key of a mapping, in the order of the file. An error of read that has no line gets the line of the key.
func Mapping(node *yaml.Node, read func(key string, value *yaml.Node) error) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		return Errorf(node, "keys and values are expected")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if seen[key.Value] {
			return Errorf(key, "duplicate key %q", key.Value)
		}
		seen[key.Value] = true
		err := read(key.Value, node.Content[i+1])
		var located *Error
		if err != nil && !errors.As(err, &located) {
			err = &Error{key.Line, err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Scalar returns the text of a value as it is written: a date stays the text of a date.
func Scalar(node *yaml.Node) (string, error) {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return "", Errorf(node, "one value is expected")
	}
	return node.Value, nil
}

// Decode reads a value into a Go value.
func Decode(node *yaml.Node, to any) error {
	if err := node.Decode(to); err != nil {
		return plain(err)
	}
	return nil
}

// plain is an error of the YAML package, which names the line, on one line and without the package's name.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n")
	return &Error{Err: errors.New(strings.Join(strings.Fields(text), " "))}
}
