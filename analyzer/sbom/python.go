package sbom

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

var (
	pythonSeparators = regexp.MustCompile(`[-_.]+`)
	requirementName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	extraMarker      = regexp.MustCompile(`\bextra\s*==`)
)

// pythonKey is the form of a name in which spellings of it are equal (PEP 503).
func pythonKey(name string) string {
	return pythonSeparators.ReplaceAllString(strings.ToLower(name), "-")
}

// parsePython reads core metadata (packaging.python.org, "Core metadata specifications"): METADATA of a wheel, PKG-INFO of an egg.
func parsePython(name string, data []byte) metadata {
	fields := parseHeaders(data, "\n")
	title, version := first(fields, "name"), first(fields, "version")
	if !plausible(title) || !plausible(version) {
		return metadata{}
	}
	info := path.Dir(name)
	home := path.Dir(info) // site-packages
	if strings.HasSuffix(name, ".egg-info") {
		info, home = "", path.Dir(name) // a single file, as distutils wrote it
	}
	f := found{
		Package: Package{
			Type: "pypi", Name: title, Version: version, Purl: purl("pypi", "", pythonKey(title), version, nil),
			Supplier: person(first(fields, "author"), first(fields, "author-email")), Homepage: first(fields, "home-page"),
			Licenses: pythonLicenses(fields), SourceURL: projectURL(fields, sourceLabels),
		},
		key: pythonKey(title), scope: home, dir: info,
	}
	if f.Supplier == "" {
		f.Supplier = person(first(fields, "maintainer"), first(fields, "maintainer-email"))
	}
	if f.Homepage == "" {
		f.Homepage = projectURL(fields, []string{"homepage"})
	}
	for list, base := range map[string]string{".dist-info": "RECORD", ".egg-info": "installed-files.txt"} {
		if strings.HasSuffix(info, list) {
			f.record = path.Join(info, base)
		}
	}
	for _, requirement := range fields["requires-dist"] {
		requirement, marker, conditional := strings.Cut(requirement, ";")
		wanted := requirementName.FindString(strings.TrimSpace(requirement))
		switch {
		case wanted == "" || extraMarker.MatchString(marker):
		case conditional: // another system or version of Python may need it
			f.wishes = append(f.wishes, []string{pythonKey(wanted)})
		default:
			f.requires = append(f.requires, []string{pythonKey(wanted)})
		}
	}
	return metadata{found: []found{f}}
}

// sourceLabels are those of a project's URLs that name its source code (packaging.python.org, "Well-known Project URLs in Metadata"), and
// those that projects used before that.
var sourceLabels = []string{"source", "repository", "sourcecode", "github", "code"}

// projectURL is the first of a project's URLs with one of the labels, of which only letters and digits count.
func projectURL(fields map[string][]string, labels []string) string {
	for _, want := range labels {
		for _, value := range fields["project-url"] {
			label, address, _ := strings.Cut(value, ",")
			label = strings.Map(func(r rune) rune {
				if strings.ContainsRune(" -_.", r) {
					return -1
				}
				return r
			}, strings.ToLower(label))
			if label == want && isURL(strings.TrimSpace(address)) {
				return strings.TrimSpace(address)
			}
		}
	}
	return ""
}

// pythonLicenses prefers the expression (PEP 639), then the short text, then classifiers.
func pythonLicenses(fields map[string][]string) []string {
	if terms := licenseTerms(first(fields, "license-expression")); terms != nil {
		return terms
	}
	text := first(fields, "license")
	if terms := licenseTerms(text); terms != nil && !strings.Contains(text, "\n") {
		return terms
	}
	var terms []string
	for _, classifier := range fields["classifier"] {
		parts := strings.Split(classifier, " :: ")
		if parts[0] == "License" && len(parts) > 1 && parts[len(parts)-1] != "OSI Approved" {
			terms = addTerms(terms, licenseTerms(parts[len(parts)-1]))
		}
	}
	return terms
}

// parsePythonFiles reads the list of a package's files: RECORD is comma-separated, PATH,HASH,SIZE, relative to site-packages (PEP
// 376); installed-files.txt has one path a line, relative to the egg-info directory.
func parsePythonFiles(name string, data []byte) metadata {
	base := path.Dir(name)
	if path.Base(name) == "RECORD" {
		base = path.Dir(base)
	}
	var m metadata
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		if path.Base(name) == "RECORD" {
			text = recordPath(text)
		}
		if text == "" || len(m.owned) == maxFiles {
			continue
		}
		if strings.HasPrefix(text, "/") {
			text = strings.TrimPrefix(path.Clean(text), "/")
		} else {
			text = strings.TrimPrefix(path.Join("/", base, text), "/")
		}
		m.owned = append(m.owned, text)
	}
	return m
}

// recordPath is the first field of a line of CSV.
func recordPath(line string) string {
	if strings.HasPrefix(line, `"`) {
		field, _, _ := strings.Cut(line[1:], `",`)
		return strings.ReplaceAll(field, `""`, `"`)
	}
	field, _, _ := strings.Cut(line, ",")
	return field
}
