package sbom

import (
	"path"
	"regexp"
	"strings"
)

var (
	// gemStub is the first comment that RubyGems writes for reading without Ruby: "# stub: NAME VERSION PLATFORM PATHS".
	gemStub       = regexp.MustCompile(`(?m)^# stub: (\S+) (\S+) (\S+)`)
	gemName       = regexp.MustCompile(`\.name\s*=\s*(?:%q<|%q\{|["'])([^"'>}]+)`)
	gemVersion    = regexp.MustCompile(`\.version\s*=\s*(?:Gem::Version\.new\(?\s*)?(?:%q<|%q\{|["'])([^"'>}]+)`)
	gemLicense    = regexp.MustCompile(`\.licenses?\s*=\s*\[?([^\]\n]+)`)
	gemHomepage   = regexp.MustCompile(`\.homepage\s*=\s*["']([^"'\n]+)`)
	gemAuthors    = regexp.MustCompile(`\.authors?\s*=\s*\[?\s*["']([^"'\n]+)`)
	gemEmail      = regexp.MustCompile(`\.email\s*=\s*\[?\s*["']([^"'\n]+)`)
	gemSource     = regexp.MustCompile(`["']source_code_uri["'](?:\.freeze)?\s*=>\s*["']([^"'\n]+)`)
	gemDependency = regexp.MustCompile(`\.add_(?:runtime_)?dependency\(?\s*(?:%q<|%q\{|["'])([^"'>}]+)`)
	quoted        = regexp.MustCompile(`["']([^"'\n]*)["']`)
)

// gemHome is the directory of a Ruby's gems for the directory of a specification: its parent, or "" when dir is none.
func gemHome(dir string) string {
	if path.Base(dir) == "default" {
		dir = path.Dir(dir)
	}
	if path.Base(dir) != "specifications" {
		return ""
	}
	return path.Dir(dir)
}

// parseGem reads a specification as text: it is a Ruby program that RubyGems has written in a form of its own
// (Gem::Specification#to_ruby).
func parseGem(name string, data []byte) metadata {
	text := string(data)
	title, version, platform := match(gemName, text), match(gemVersion, text), ""
	if m := gemStub.FindStringSubmatch(text); m != nil {
		title, version, platform = m[1], m[2], m[3]
	}
	if !plausible(title) || !plausible(version) {
		return metadata{}
	}
	if platform == "ruby" {
		platform = ""
	}
	home := gemHome(path.Dir(name))
	f := found{
		Package: Package{
			Type: "gem", Name: title, Version: version, Purl: purl("gem", "", title, version, map[string]string{"platform": platform}),
			Homepage: match(gemHomepage, text), Supplier: person(match(gemAuthors, text), match(gemEmail, text)),
			SourceURL: sourceURL(match(gemSource, text)),
		},
		key: title, scope: home,
	}
	if path.Base(path.Dir(name)) != "default" { // what comes with Ruby has no folder
		f.dir = path.Join(home, "gems", strings.TrimSuffix(path.Base(name), ".gemspec"))
	}
	var choices []string
	for _, m := range quoted.FindAllStringSubmatch(match(gemLicense, text), maxTerms) {
		choices = addTerms(choices, licenseTerms(m[1]))
	}
	f.Licenses = licenseTerms(strings.Join(choices, " OR ")) // guides.rubygems.org: several licences are a choice
	for _, m := range gemDependency.FindAllStringSubmatch(text, maxDepth) {
		f.requires = append(f.requires, []string{m[1]})
	}
	return metadata{found: []found{f}}
}

// match is the first group of an expression's first match.
func match(expression *regexp.Regexp, text string) string {
	if m := expression.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
