package sbom

import (
	"bytes"
	"strings"
)

// maxFields bounds the lines of a header block.
const maxFields = 100_000

// parseHeaders reads "Name: value" lines up to the first empty one, as e-mail, Python's core metadata and Java's manifest have
// them: names in lower case, each with its values in order. A line that begins with a blank continues the one before, joined with
// glue.
func parseHeaders(data []byte, glue string) map[string][]string {
	fields, last := map[string][]string{}, ""
	count := 0
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		if count++; text == "" || count > maxFields {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if values := fields[last]; last != "" && len(values) > 0 && len(values[len(values)-1]) < maxLicenseText*10 {
				values[len(values)-1] += glue + text[1:]
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if last = ""; ok {
			last = strings.ToLower(strings.TrimSpace(name))
			fields[last] = append(fields[last], strings.TrimSpace(value))
		}
	}
	return fields
}

// first is a header's first value.
func first(fields map[string][]string, name string) string {
	if values := fields[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

const maxName = 512 // bytes of a package's name or version

// plausible reports whether a name or version can be one: not empty, not long, and without control characters, blanks around it or
// template markers that a build has not replaced.
func plausible(text string) bool {
	return text != "" && len(text) <= maxName && strings.TrimSpace(text) == text && !strings.ContainsFunc(text,
		func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) &&
		!strings.Contains(text, "${")
}

// person formats a name and an address, either of which may be empty, as "NAME <ADDRESS>".
func person(name, address string) string {
	name, address = strings.TrimSpace(name), strings.TrimSpace(address)
	switch {
	case len(name)+len(address) > maxName:
		return ""
	case address == "":
		return name
	case strings.Contains(address, "<"): // core metadata has the name with it
		return address
	case name == "":
		return address
	}
	return name + " <" + address + ">"
}
