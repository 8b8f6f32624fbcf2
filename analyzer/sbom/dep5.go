package sbom

import (
	"bytes"
	"strings"
)

// parseCopyright reads a Debian copyright file when it is in the machine-readable format (www.debian.org/doc/packaging-manuals/
// copyright-format/1.0): the short names of all its License fields. Files of free text say nothing.
func parseCopyright(_ string, data []byte) metadata {
	var m metadata
	started := false
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n ")
		name, value, ok := strings.Cut(text, ":")
		switch {
		case !started && text == "":
		case !started:
			// The format is the first field of the first paragraph; drafts called it differently.
			if !ok || !strings.EqualFold(name, "Format") && !strings.EqualFold(name, "Format-Specification") {
				return metadata{}
			}
			started = true
		case ok && strings.EqualFold(name, "License"):
			m.licenses = addTerms(m.licenses, licenseTerms(value))
		}
	}
	return m
}
