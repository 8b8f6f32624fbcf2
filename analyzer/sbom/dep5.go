package sbom

import (
	"bytes"
	"regexp"
	"strings"
)

// parseCopyright reads a Debian copyright file: in the machine-readable format (www.debian.org/doc/packaging-manuals/copyright-format/1.0)
// the short names of all its License fields. Of free text see freeCopyright.
func parseCopyright(file string, data []byte) metadata {
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
				return metadata{licenses: freeCopyright(file, data)}
			}
			started = true
		case ok && strings.EqualFold(name, "License"):
			m.licenses = addTerms(m.licenses, shortNames(value))
		}
	}
	return m
}

// shortNames are the licences of a License field.
func shortNames(value string) []string {
	terms := licenseTerms(value)
	for _, term := range terms {
		if (containsWord(term, "or") || strings.ContainsAny(term, "(,")) && !isExpression(term) {
			if parsed, ok := parseShortNames(value); ok && len(value) <= 10*maxLicenseText {
				return parsed
			}
			break
		}
	}
	return terms
}

const commonLicenses = "common-licenses/"

// commonLicense is a reference to a licence's text, which packages must make instead of repeating the text (Debian Policy, 12.5).
var commonLicense = regexp.MustCompile(`/usr/share/common-licenses/([A-Za-z]+(?:-[0-9]+(?:\.[0-9]+)*)?)`)

// freeCopyright are the licences of a copyright file in free text: those of Debian's common licences that it refers to, and the file itself
// by its name, because it may have the text of others. A reference to a GNU licence does not say whether later versions may be chosen: it
// stays a name.
func freeCopyright(file string, data []byte) []string {
	var terms []string
	for _, m := range commonLicense.FindAllSubmatch(data, maxTerms) {
		name := string(m[1])
		if id, ok := listedID(name); ok && !gnu.MatchString(strings.ToLower(name)) {
			name = id
		} else {
			name = commonLicenses + name
		}
		terms = addTerms(terms, []string{name})
	}
	return addTerms(terms, []string{printable(file)})
}
