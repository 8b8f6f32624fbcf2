// Package jsonout writes JSON documents for people and for other programs: "<", ">" and "&" stay as they are, because no document of
// slim is embedded in HTML as it is.
package jsonout

import (
	"bytes"
	"encoding/json"
	"io"
)

// Write writes a value as indented JSON with a final newline.
func Write(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Indented returns a value as indented JSON with a final newline.
func Indented(v any) ([]byte, error) {
	var b bytes.Buffer
	err := Write(&b, v)
	return b.Bytes(), err
}

// Compact returns a value as JSON on one line, without a final newline.
func Compact(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
