package packages

import (
	"bytes"
	"iter"
	"strings"
)

// maxFields bounds the fields of one stanza; dpkg's have some 20.
const maxFields = 1000

// field is one field of a stanza: its lines as they are written, and its name, nil where the first line has none.
type field struct{ name, text []byte }

// stanza is one paragraph of a file in deb822(5) format.
type stanza []field

// stanzas splits a file at empty lines.
func stanzas(data []byte) iter.Seq[stanza] {
	return func(yield func(stanza) bool) {
		var s stanza
		start := 0 // of the field at work, in data
		for at := 0; at < len(data); {
			end := len(data)
			if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			line := data[at:end]
			switch {
			case len(bytes.TrimSpace(line)) == 0:
				if len(s) > 0 && !yield(s) {
					return
				}
				s = nil
			case (line[0] == ' ' || line[0] == '\t') && len(s) > 0:
				s[len(s)-1].text = data[start:end]
			case len(s) < maxFields:
				name, _, ok := bytes.Cut(line, []byte(":"))
				if !ok {
					name = nil
				}
				s, start = append(s, field{name, line}), at
			}
			at = end
		}
		if len(s) > 0 {
			yield(s)
		}
	}
}

// is compares the field's name, in which case does not count.
func (f field) is(name string) bool { return strings.EqualFold(string(f.name), name) }

// value is a field's value, its lines trimmed and joined by newlines; "" without the field.
func (s stanza) value(name string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if !s[i].is(name) {
			continue
		}
		var lines []string
		for line := range bytes.Lines(s[i].text[len(s[i].name)+1:]) {
			if lines = append(lines, string(bytes.TrimSpace(line))); len(lines) == maxPackages {
				break
			}
		}
		return strings.Join(lines, "\n")
	}
	return ""
}
