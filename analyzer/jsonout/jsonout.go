// Package jsonout writes JSON documents for people and for other programs: "<", ">" and "&" stay as they are, because no document of
// slim is embedded in HTML as it is.
package jsonout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
)

// Write writes a value as indented JSON with a final newline.
func Write(w io.Writer, v any) error {
	data, err := encode(v, "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// encode is JSON with a final newline. What a terminal or a CI system would obey stands in strings only, and is written as an escape: two
// number signs together, by which CI systems know a command wherever in a line of a log it stands ("##vso[", "##[command]"), and the
// control and format characters that encoding/json writes as they are.
func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", indent)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return escape(bytes.ReplaceAll(b.Bytes(), []byte("##"), []byte(`#\u0023`))), nil
}

func escape(data []byte) []byte {
	if bytes.IndexFunc(data, obeyed) < 0 {
		return data
	}
	var b bytes.Buffer
	for _, r := range string(data) {
		switch {
		case !obeyed(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// obeyed says whether a terminal takes a character for a command, or shows the characters around it in another order or not at all.
func obeyed(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) && r != '\n' }

// Indented returns a value as indented JSON with a final newline.
func Indented(v any) ([]byte, error) {
	return encode(v, "  ")
}

// Compact returns a value as JSON on one line, without a final newline.
func Compact(v any) ([]byte, error) {
	data, err := encode(v, "")
	return bytes.TrimSuffix(data, []byte("\n")), err
}
