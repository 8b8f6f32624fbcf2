package vuln

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
)

// Package is one installed package.
type Package struct {
	// of OSV, with the release: "Debian:12", "Alpine:v3.19", "PyPI"; "" is one OSV does not know
	Ecosystem     string `json:"ecosystem"`
	Name          string `json:"name"`                    // as the ecosystem writes it: "libssl3", "group:artifact", "@scope/name"
	Version       string `json:"version"`                 // installed version
	Purl          string `json:"purl,omitempty"`          // package URL
	SourceName    string `json:"sourceName,omitempty"`    // of a distribution's package; Name when empty
	SourceVersion string `json:"sourceVersion,omitempty"` // Version when empty
	// its files that the image holds: slash paths without leading slash; nil is unknown
	Files []string `json:"files,omitempty"`
	// files that say that it is there: metadata of a language's package, or the programs that it is built into
	Locations []string `json:"locations,omitempty"`
}

// ecosystems maps the types of package URLs to the ecosystems of OSV that have no releases.
var ecosystems = map[string]string{
	"pypi": "PyPI", "npm": "npm", "golang": "Go", "maven": "Maven", "gem": "RubyGems", "composer": "Packagist", "cargo": "crates.io",
	"nuget": "NuGet", "hex": "Hex", "pub": "Pub", "cran": "CRAN", "hackage": "Hackage", "conan": "ConanCenter", "swift": "SwiftURL",
	"bitnami": "Bitnami", "julia": "Julia",
}

// OfDistribution reports whether a package is one of a distribution and not of a language.
func (p *Package) OfDistribution() bool {
	kind, _, _ := strings.Cut(strings.TrimPrefix(p.Purl, "pkg:"), "/")
	return slices.Contains([]string{"deb", "apk", "rpm"}, kind)
}

// FromPurl reads a package URL with a version. A type that OSV has no ecosystem for gives a Package with an empty Ecosystem; a
// distribution's package whose release is unknown has an Ecosystem without release, which Scan reports as skipped. The
// source package is read of the qualifiers that generators use: source and sourceversion, upstream=NAME[@VERSION], origin.
func FromPurl(purl string) (Package, error) {
	parsed, err := packageurl.FromString(purl)
	if err != nil {
		return Package{}, fmt.Errorf("package URL %q: %w", purl, err)
	}
	pkg := Package{Name: parsed.Name, Version: parsed.Version, Purl: purl}
	switch parsed.Type {
	case "deb", "apk", "rpm":
		qualifiers := parsed.Qualifiers.Map()
		pkg.Ecosystem = distribution(parsed.Type, parsed.Namespace, qualifiers["distro"])
		pkg.SourceName, pkg.SourceVersion = source(qualifiers)
		if epoch := qualifiers["epoch"]; epoch != "" && epoch != "0" && !strings.Contains(pkg.Version, ":") {
			pkg.Version = epoch + ":" + pkg.Version
		}
		return pkg, nil
	}
	pkg.Ecosystem = ecosystems[parsed.Type]
	if parsed.Namespace != "" {
		separator := "/"
		if parsed.Type == "maven" {
			separator = ":"
		}
		pkg.Name = parsed.Namespace + separator + parsed.Name
	}
	if parsed.Type == "golang" {
		pkg.Version = goVersion(pkg.Version)
	}
	return pkg, nil
}

// source reads the source package of a distribution's package.
func source(qualifiers map[string]string) (name, version string) {
	for _, key := range []string{"source", "upstream", "origin"} {
		if value := qualifiers[key]; value != "" {
			name, version, _ = strings.Cut(value, "@")
			break
		}
	}
	if exact := qualifiers["sourceversion"]; exact != "" {
		version = exact
	}
	if strings.HasSuffix(name, ".src.rpm") { // syft writes the whole file name: NAME-VERSION-RELEASE.src.rpm
		parts := strings.Split(strings.TrimSuffix(name, ".src.rpm"), "-")
		if len(parts) > 2 {
			name = strings.Join(parts[:len(parts)-2], "-")
		}
	}
	return name, version
}

var goPrerelease = regexp.MustCompile(`^(\d+\.\d+)(\.\d+)?(rc|beta)(\d+)$`)

// goVersion writes a version of a Go module or of Go itself as OSV does, a semantic version: "v1.2.3+incompatible" is "1.2.3",
// "go1.22rc1" is "1.22.0-rc.1".
func goVersion(version string) string {
	version = strings.TrimPrefix(strings.TrimPrefix(version, "go"), "v")
	version, _, _ = strings.Cut(version, " ") // "go1.22.1 X:boringcrypto"
	version = strings.TrimSuffix(version, "+incompatible")
	if m := goPrerelease.FindStringSubmatch(version); m != nil {
		patch := m[2]
		if patch == "" {
			patch = ".0"
		}
		return m[1] + patch + "-" + m[3] + "." + m[4]
	}
	return version
}

// lookups are the names and versions under which records may list a package: the distributions list source packages, those of
// RPM also binary ones.
func (p *Package) lookups() [][2]string {
	own := [2]string{p.Name, p.Version}
	if p.SourceName == "" {
		return [][2]string{own}
	}
	source := [2]string{p.SourceName, p.SourceVersion}
	if p.SourceVersion == "" {
		source[1] = p.Version
	}
	if slices.Contains(rpmEcosystems, base(p.Ecosystem)) && p.SourceName != p.Name {
		return [][2]string{source, own}
	}
	return [][2]string{source}
}

var pypiSeparators = regexp.MustCompile(`[-_.]+`)

// normalName is a name in the form in which two spellings of it are equal. PyPI: PEP 503.
func normalName(ecosystem, name string) string {
	switch ecosystem {
	case "PyPI":
		return pypiSeparators.ReplaceAllString(strings.ToLower(name), "-")
	case "NuGet", "Packagist":
		return strings.ToLower(name)
	}
	return name
}
