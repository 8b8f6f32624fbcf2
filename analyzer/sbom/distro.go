package sbom

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// maxRelease bounds a file with the name of a release, in bytes.
const maxRelease = 4 << 10

// distro reads os-release(5), and where there is none the files that older releases have.
func (s *scan) distro() Distro {
	release, err := packages.Release(s.root)
	if err != nil {
		s.warn("os-release: %v", err)
	}
	for key, value := range release {
		if !plausible(value) {
			delete(release, key)
		}
	}
	if release["ID"] != "" {
		return Distro{
			ID: strings.ToLower(release["ID"]), Name: release["PRETTY_NAME"], CPE: cpe(release["CPE_NAME"]),
			Version: cmp.Or(release["VERSION_ID"], release["VERSION_CODENAME"]),
		}
	}
	for _, old := range []struct{ file, id string }{{"/etc/alpine-release", "alpine"}, {"/etc/debian_version", "debian"}} {
		if line, _, _ := strings.Cut(string(s.small(old.file)), "\n"); plausible(line) {
			if old.id == "debian" {
				line, _, _ = strings.Cut(line, ".") // VERSION_ID is the major version
			}
			return Distro{ID: old.id, Version: line}
		}
	}
	return Distro{}
}

// cpeName is a name of CPE 2.2 or 2.3 (NIST IR 7695), as os-release(5) has it.
var cpeName = regexp.MustCompile(`^cpe:(/[aho]?(:[A-Za-z0-9._~%-]*){0,6}|2\.3:[aho*-](:(\\?[!-~]|[A-Za-z0-9._*?-])+){10})$`)

// cpe is the name if it is one.
func cpe(name string) string {
	if !cpeName.MatchString(name) {
		return ""
	}
	return name
}

// small is the beginning of a file, links followed inside the root; nil when there is none.
func (s *scan) small(name string) []byte {
	res, err := layers.Resolve(s.root, ".", name, true)
	if err != nil || res.Missing || s.byName[res.Path] == nil {
		return nil
	}
	f, err := s.root.Open(res.Path)
	if err != nil {
		s.warn("%q cannot be read: %v", name, err)
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRelease))
	if err != nil {
		s.warn("%q cannot be read: %v", name, err)
		return nil
	}
	return data
}

// qualifier is the distro qualifier of package URLs: ID-VERSION, as all generators write it.
func (d Distro) qualifier() string {
	if d.ID == "" || d.Version == "" {
		return d.ID
	}
	return d.ID + "-" + d.Version
}

// namespaces are those of package URLs (purl-spec, "rpm" and "deb" types) that are not the ID of os-release.
var namespaces = map[string]string{
	"rhel": "redhat",
	"ol":   "oracle",
	"amzn": "amazon",
	"sles": "suse",

	"opensuse-leap":       "opensuse",
	"opensuse-tumbleweed": "opensuse",
}

// distributionPackage is a package of the package manager's database.
func (s *scan) distributionPackage(pkg *packages.Package, d Distro) Package {
	namespace := d.ID
	if other := namespaces[namespace]; other != "" {
		namespace = other
	}
	if namespace == "" {
		namespace = map[string]string{"deb": "debian", "apk": "alpine"}[pkg.Type]
	}
	qualifiers := map[string]string{"arch": pkg.Arch, "distro": d.qualifier(), "upstream": upstream(pkg)}
	version := pkg.Version
	if epoch, rest, ok := strings.Cut(version, ":"); ok && pkg.Type == "rpm" {
		qualifiers["epoch"], version = epoch, rest
	}
	out := Package{
		Type: pkg.Type, Name: pkg.Name, Version: pkg.Version, Purl: purl(pkg.Type, namespace, pkg.Name, version, qualifiers),
		Source: pkg.Source, Supplier: person(pkg.Maintainer, ""), Homepage: pkg.Homepage, Licenses: licenseTerms(pkg.License),
		SourceURL: sourceURL(pkg.SourceURL), Unmet: slices.Clone(pkg.Unmet[:min(len(pkg.Unmet), maxUnmet)]), Relations: Complete,
	}
	if len(pkg.Unmet) > 0 {
		out.Relations = Incomplete
	}
	if pkg.Type == "deb" {
		out.Licenses = s.copyright(pkg.Name)
	}
	return out
}

// upstream is the source package, where name or version are others.
func upstream(pkg *packages.Package) string {
	switch {
	case pkg.SourceVersion != "" && pkg.SourceVersion != pkg.Version:
		return pkg.Source + "@" + pkg.SourceVersion
	case pkg.Source != pkg.Name:
		return pkg.Source
	}
	return ""
}

// copyright is what a Debian package's copyright file says; its folder may be a link to another package's.
func (s *scan) copyright(name string) []string {
	res, err := layers.Resolve(s.root, ".", fmt.Sprintf("/usr/share/doc/%s/copyright", name), true)
	if err != nil || res.Missing {
		return nil
	}
	if e := s.byName[res.Path]; e != nil {
		return e.content().licenses
	}
	return nil
}
