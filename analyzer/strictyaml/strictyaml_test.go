package strictyaml

import (
	"errors"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestMapping(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: x\n":      "",
		"":                  "no document",
		"a: 1\n---\na: 1\n": "it has more than one document",
		"- a\n":             "line 1: keys and values are expected",
		"a: 1\n\na: 2\n":    `line 3: duplicate key "a"`,
		"b: x\nc: 1\n":      "line 2: unknown",
		"a: x\n":            "line 1: cannot unmarshal !!str `x` into int",
		"b:\n  - 1\n":       "line 2: one value is expected",
		"b:\n":              "line 1: one value is expected",
		"a: [\n":            "line 1: did not find expected node content",
		"b: &x {b: *x}\n":   "line 1: one value is expected",
		"b: 2026-01-01\n":   "",
		"b: x\n\"b\": y\n":  `line 2: duplicate key "b"`,
	} {
		err := read([]byte(text))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func read(data []byte) error {
	node, err := Document(data)
	if err != nil {
		return err
	}
	if node == nil {
		return errors.New("no document")
	}
	return Mapping(node, func(key string, value *yaml.Node) error {
		switch key {
		case "a":
			var number int
			return Decode(value, &number)
		case "b":
			_, err := Scalar(value)
			return err
		}
		return errors.New("unknown")
	})
}
