package sbom_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/slimimage/slim/analyzer/sbom"
)

// boms is for people: go test ./analyzer/sbom -run TestFillRate -v -args -boms DIR, with NAME.cdx.json and NAME.spdx.json of slim sbom.
var boms = flag.String("boms", "", "print for the bills of materials in `DIR` how many components have each field")

// documentField is a field of the document that NTIA's minimum elements (2021) or BSI TR-03183-2 (2.1.0, section 5.2.1) require.
type documentField struct {
	name string
	cdx  func(*cyclonedx.BOM) bool
	spdx func(*spdx.Document) bool
}

var documentFields = []documentField{
	{"author of the document",
		func(b *cyclonedx.BOM) bool { return reachable(b.Metadata.Manufacturer) },
		func(d *spdx.Document) bool { return len(d.CreationInfo.Creators) > 0 }},
	{"tool",
		func(b *cyclonedx.BOM) bool { return len(*b.Metadata.Tools.Components) > 0 },
		func(d *spdx.Document) bool {
			return slices.ContainsFunc(d.CreationInfo.Creators, func(c common.Creator) bool { return c.CreatorType == "Tool" })
		}},
	{"timestamp",
		func(b *cyclonedx.BOM) bool { return b.Metadata.Timestamp != "" },
		func(d *spdx.Document) bool { return d.CreationInfo.Created != "" }},
	{"URI of the document",
		func(b *cyclonedx.BOM) bool { return strings.HasPrefix(b.SerialNumber, "urn:uuid:") },
		func(d *spdx.Document) bool { return strings.HasPrefix(d.DocumentNamespace, "https://") }},
}

// componentField is a field that they require of each component.
type componentField struct {
	name string
	cdx  func(*cyclonedx.BOM, cyclonedx.Component) bool
	spdx func(*spdx.Document, *spdx.Package) bool // nil where SPDX 2.3 has no place for it
}

var componentFields = []componentField{
	{"supplier", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return c.Supplier != nil },
		func(_ *spdx.Document, p *spdx.Package) bool { return p.PackageSupplier.Supplier != "NOASSERTION" }},
	{"creator with address", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return reachable(c.Manufacturer) },
		func(_ *spdx.Document, p *spdx.Package) bool {
			return strings.Contains(p.PackageSupplier.Supplier, "(") || p.PackageHomePage != ""
		}},
	{"name", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return c.Name != "" },
		func(_ *spdx.Document, p *spdx.Package) bool { return p.PackageName != "" }},
	{"version", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return c.Version != "" },
		func(_ *spdx.Document, p *spdx.Package) bool { return p.PackageVersion != "" }},
	{"identifier", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return c.PackageURL != "" || c.CPE != "" },
		func(_ *spdx.Document, p *spdx.Package) bool { return len(p.PackageExternalReferences) > 0 }},
	{"dependencies", func(b *cyclonedx.BOM, c cyclonedx.Component) bool {
		return stated(b, c.BOMRef) == cyclonedx.CompositionAggregateComplete || edges(b, c.BOMRef) > 0
	}, func(d *spdx.Document, p *spdx.Package) bool {
		return p.PackageComment == "dependencies: complete" || slices.ContainsFunc(d.Relationships, func(r *spdx.Relationship) bool {
			return r.Relationship == "DEPENDS_ON" && r.RefA.ElementRefID == p.PackageSPDXIdentifier
		})
	}},
	{"completeness of them", func(b *cyclonedx.BOM, c cyclonedx.Component) bool { return stated(b, c.BOMRef) != "" },
		func(_ *spdx.Document, p *spdx.Package) bool {
			return strings.HasPrefix(p.PackageComment, "dependencies: ")
		}},
	{"licences", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return c.Licenses != nil },
		func(_ *spdx.Document, p *spdx.Package) bool { return p.PackageLicenseDeclared != "NOASSERTION" }},
	{"licences by SPDX ids only", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool {
		return c.Licenses != nil && !slices.ContainsFunc(*c.Licenses, func(l cyclonedx.LicenseChoice) bool {
			return l.License != nil && l.License.ID == "" || strings.Contains(l.Expression, "LicenseRef-")
		})
	}, func(_ *spdx.Document, p *spdx.Package) bool {
		return p.PackageLicenseDeclared != "NOASSERTION" && !strings.Contains(p.PackageLicenseDeclared, "LicenseRef-")
	}},
	{"filename", property("bsi:component:filename"), func(_ *spdx.Document, p *spdx.Package) bool { return p.PackageFileName != "" }},
	{"SHA-512", func(_ *cyclonedx.BOM, c cyclonedx.Component) bool { return sha512(c) },
		func(_ *spdx.Document, p *spdx.Package) bool { return len(p.PackageChecksums) > 0 }},
	{"executable", property("bsi:component:executable"), nil},
	{"archive", property("bsi:component:archive"), nil},
	{"structured", property("bsi:component:structured"), nil},
	{"source code URI", reference(cyclonedx.ExternalReferenceType("source-distribution")),
		func(_ *spdx.Document, p *spdx.Package) bool {
			return strings.Contains(p.PackageSourceInfo, "source code: ")
		}},
	{"deployable URI", reference(cyclonedx.ERTypeDistribution),
		func(_ *spdx.Document, p *spdx.Package) bool { return p.PackageDownloadLocation != "NOASSERTION" }},
}

// reachable is whether somebody is named with an e-mail address or a URL.
func reachable(p *cyclonedx.OrganizationalEntity) bool {
	return p != nil && (p.URL != nil || p.Contact != nil)
}

// stated is what the document says about the completeness of a component's dependencies.
func stated(b *cyclonedx.BOM, ref string) cyclonedx.CompositionAggregate {
	for _, c := range *b.Compositions {
		if c.Dependencies != nil && slices.Contains(*c.Dependencies, cyclonedx.BOMReference(ref)) {
			return c.Aggregate
		}
	}
	return ""
}

func edges(b *cyclonedx.BOM, ref string) int {
	for _, d := range *b.Dependencies {
		if d.Ref == ref && d.Dependencies != nil {
			return len(*d.Dependencies)
		}
	}
	return 0
}

func property(name string) func(*cyclonedx.BOM, cyclonedx.Component) bool {
	return func(_ *cyclonedx.BOM, c cyclonedx.Component) bool {
		return c.Properties != nil && slices.ContainsFunc(*c.Properties, func(p cyclonedx.Property) bool { return p.Name == name })
	}
}

func reference(kind cyclonedx.ExternalReferenceType) func(*cyclonedx.BOM, cyclonedx.Component) bool {
	return func(_ *cyclonedx.BOM, c cyclonedx.Component) bool {
		return c.ExternalReferences != nil &&
			slices.ContainsFunc(*c.ExternalReferences, func(r cyclonedx.ExternalReference) bool { return r.Type == kind })
	}
}

func sha512(c cyclonedx.Component) bool {
	var all []cyclonedx.Hash
	if c.Hashes != nil {
		all = append(all, *c.Hashes...)
	}
	if c.ExternalReferences != nil {
		for _, r := range *c.ExternalReferences {
			if r.Hashes != nil {
				all = append(all, *r.Hashes...)
			}
		}
	}
	return slices.ContainsFunc(all, func(h cyclonedx.Hash) bool { return h.Algorithm == cyclonedx.HashAlgoSHA512 && len(h.Value) == 128 })
}

// said is a root whose packages say everything that their formats have a field for.
const said = release + `
-- var/lib/dpkg/status --
Package: liba
Status: install ok installed
Architecture: amd64
Version: 1:2.0+b1
Depends: libgone | libb (>= 1), virtual
Pre-Depends: libc
Homepage: https://example.org/a
Maintainer: A <a@example.org>

Package: libb
Status: install ok installed
Architecture: amd64
Version: 1
Provides: virtual (= 2)
Maintainer: B <b@example.org>

Package: libc
Status: install ok installed
Architecture: amd64
Version: 1
Depends: libgone | libnever (>= 2)
Maintainer: C <c@example.org>
-- var/lib/dpkg/info/liba.list --
/usr/bin/a
-- usr/bin/a --
#!/bin/sh
-- var/lib/dpkg/info/libb.list --
/usr/share/b
-- usr/share/b --
text
-- usr/share/doc/liba/copyright --
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: GPL-2+ or MIT
License: BSD-3-clause
-- usr/share/doc/libb/copyright --
Free text, see /usr/share/common-licenses/GPL-2.
-- usr/share/doc/libc/copyright --
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: MIT
-- app/node_modules/n/package.json --
{"name": "n", "version": "1.0.0", "license": "MIT", "author": "N <n@example.org>", "repository": "user/n", "dependencies": {"gone": "1"},
 "optionalDependencies": {"other": "1"}}
-- app/node_modules/.package-lock.json --
{"packages": {"node_modules/n": {"resolved": "https://registry.example.org/n/-/n-1.0.0.tgz", "integrity":
 "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}}}
-- usr/lib/python3/site-packages/P-2.0.dist-info/METADATA --
Metadata-Version: 2.4
Name: P
Version: 2.0
License-Expression: Apache-2.0 OR MIT
Maintainer-email: P <p@example.org>
Project-URL: Source Code, https://example.org/p.git
Requires-Dist: q; python_version < "3"

-- usr/lib/ruby/gems/3.1.0/specifications/g-1.gemspec --
# stub: g 1 ruby lib
  s.authors = ["G".freeze]
  s.email = ["g@example.org".freeze]
  s.licenses = ["MIT".freeze]
  s.metadata = { "source_code_uri" => "https://example.org/g" }
-- srv/vendor/composer/installed.json --
{"packages": [{"name": "v/c", "version": "1", "license": ["MIT"], "homepage": "https://example.org/c", "require": {"php": ">=8"},
 "source": {"type": "git", "url": "https://example.org/c.git"}, "dist": {"type": "zip", "url": "https://example.org/c.zip"}}]}
`

// pomXML is a project description as Maven's archiver puts it into an archive.
const pomXML = `<project xmlns="http://maven.apache.org/POM/4.0.0"><url>https://example.org/j</url>
<organization><name>J</name></organization><scm><url>https://example.org/j.git</url></scm>
<licenses><license><name>The Apache Software License, Version 2.0</name></license><license><name>MIT</name></license></licenses></project>`

// billOf makes both documents of a root and reads them with the formats' own libraries.
func billOf(t *testing.T, content map[string][]byte, archive string, opt sbom.Options) (*cyclonedx.BOM, *spdx.Document) {
	t.Helper()
	doc := read(t, files(t, content, archive), opt)
	cdx, err := doc.CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	other, err := doc.SPDX()
	if err != nil {
		t.Fatal(err)
	}
	return parseBills(t, cdx, other)
}

func parseBills(t *testing.T, cdx, other []byte) (*cyclonedx.BOM, *spdx.Document) {
	t.Helper()
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(cdx), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	doc, err := spdxjson.Read(bytes.NewReader(other))
	if err != nil {
		t.Fatal(err)
	}
	return bom, doc
}

// TestFields checks which fields each package has, of those that a package of its kind can say. "-" are those that no format of package
// metadata says, or not of this package.
func TestFields(t *testing.T) {
	content := map[string][]byte{"opt/j-1.jar": jar(t, "META-INF/maven/o/j/pom.properties", pom("o", "j", "1"),
		"META-INF/maven/o/j/pom.xml", pomXML)}
	opt := sbom.Options{Name: "app", Version: "1", Purl: sbom.ImagePurl("example.org/app", "1", "", "amd64"), Created: "2026-01-02T03:04:05Z",
		Tool: "v1", Author: "Me <me@example.org>", Labels: map[string]string{"org.opencontainers.image.vendor": "V <https://example.org>",
			"org.opencontainers.image.licenses": "MIT", "org.opencontainers.image.source": "https://example.org/app.git"}}
	bom, doc := billOf(t, content, said, opt)
	for _, f := range documentFields {
		if !f.cdx(bom) || !f.spdx(doc) {
			t.Errorf("%s: CycloneDX %v, SPDX %v", f.name, f.cdx(bom), f.spdx(doc))
		}
	}
	got := map[string]string{}
	for _, c := range append(*bom.Components, *bom.Metadata.Component) {
		if c.PackageURL == "" {
			continue
		}
		var missing []string
		for _, f := range componentFields {
			has := f.cdx(bom, c)
			if !has {
				missing = append(missing, f.name)
			}
			if p := packageOf(doc, c.PackageURL); p == nil {
				t.Errorf("%s is not in SPDX", c.PackageURL)
			} else if f.spdx != nil && f.spdx(doc, p) != has && !(c.Type == cyclonedx.ComponentTypeContainer) {
				t.Errorf("%s of %s: CycloneDX %v, SPDX %v", f.name, c.Name, has, !has)
			}
		}
		got[c.Name] = strings.Join(missing, ", ")
	}
	const unpacked = "filename, SHA-512"
	want := map[string]string{
		"liba": unpacked + ", source code URI, deployable URI",
		"libb": "licences by SPDX ids only, " + unpacked + ", source code URI, deployable URI",
		"libc": "dependencies, " + unpacked + ", executable, archive, structured, source code URI, deployable URI",
		"n":    "dependencies",
		"P":    unpacked + ", deployable URI",
		"g":    unpacked + ", executable, archive, structured, deployable URI",
		"v/c":  "supplier, SHA-512, executable, archive, structured",
		"j":    "dependencies, deployable URI",
		"app":  unpacked + ", deployable URI",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields that are missing (-want +got):\n%s", diff)
	}
}

// TestRelations checks what is said about dependencies: the resolved ones, how complete they are, and what is not there.
func TestRelations(t *testing.T) {
	bom, _ := billOf(t, map[string][]byte{}, said, sbom.Options{})
	var got []string
	for _, c := range *bom.Components {
		if c.Type != cyclonedx.ComponentTypeLibrary {
			continue
		}
		line := fmt.Sprintf("%s %s:", c.Name, stated(bom, c.BOMRef))
		for _, d := range *bom.Dependencies {
			if d.Ref == c.BOMRef && d.Dependencies != nil {
				for _, on := range *d.Dependencies {
					name, _, _ := strings.Cut(on, "@")
					line += " " + name
				}
			}
		}
		for _, p := range *c.Properties {
			if p.Name == "slim:unmet" {
				line += " -" + p.Value
			}
		}
		got = append(got, line)
	}
	want := []string{
		"v/c complete:",
		"liba complete: pkg:deb/debian/libb pkg:deb/debian/libc",
		"libb complete:",
		"libc incomplete: -libgone | libnever",
		"g complete:",
		"n incomplete: -gone",
		"P complete:",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
}

// TestNoAssertion checks that what nothing says is recorded as such.
func TestNoAssertion(t *testing.T) {
	bom, doc := billOf(t, map[string][]byte{}, "-- x/package.json --\n{\"name\": \"a\", \"version\": \"1\"}\n", sbom.Options{})
	c := (*bom.Components)[0]
	want := []cyclonedx.Property{
		{Name: "bsi:component:executable", Value: "non-executable"}, {Name: "bsi:component:archive", Value: "no archive"},
		{Name: "bsi:component:structured", Value: "structured"},
		{Name: "slim:noassertion", Value: "creator,licences,filename,hash,deployable URI,source code URI"},
	}
	if diff := cmp.Diff(want, *c.Properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	p := packageOf(doc, c.PackageURL)
	for name, value := range map[string]string{"supplier": p.PackageSupplier.SupplierType + p.PackageSupplier.Supplier,
		"originator": p.PackageOriginator.OriginatorType + p.PackageOriginator.Originator, "declared": p.PackageLicenseDeclared,
		"concluded": p.PackageLicenseConcluded, "download": p.PackageDownloadLocation, "copyright": p.PackageCopyrightText} {
		if !strings.HasSuffix(value, "NOASSERTION") {
			t.Errorf("%s = %q", name, value)
		}
	}
	if m := bom.Metadata.Manufacturer; m.Name != "slim" || !reachable(m) {
		t.Errorf("author = %+v", m)
	}
}

// TestEveryFileHasHashes checks the list of files: each has the three checksums and the fields of a component that is one file.
func TestEveryFileHasHashes(t *testing.T) {
	content := javaTree(t)
	bom, doc := billOf(t, content, said, sbom.Options{AllFiles: true})
	listed := 0
	for _, c := range *bom.Components {
		if c.Type != cyclonedx.ComponentTypeFile {
			continue
		}
		listed++
		if len(*c.Hashes) != 3 || !sha512(c) || stated(bom, c.BOMRef) != cyclonedx.CompositionAggregateUnknown {
			t.Errorf("%s: hashes %v", c.Name, *c.Hashes)
		}
		for _, name := range []string{"filename", "executable", "archive", "structured"} {
			if !property("bsi:component:"+name)(bom, c) {
				t.Errorf("%s has no property %s", c.Name, name)
			}
		}
	}
	if want := len(doc.Files); listed != want || want < len(content) {
		t.Errorf("%d files in CycloneDX, %d in SPDX, of at least %d", listed, want, len(content))
	}
}

func packageOf(doc *spdx.Document, purl string) *spdx.Package {
	for _, p := range doc.Packages {
		for _, r := range p.PackageExternalReferences {
			if r.Locator == purl {
				return p
			}
		}
	}
	return nil
}

// TestFillRate prints how many packages of real images have each field; see the flag.
func TestFillRate(t *testing.T) {
	if *boms == "" {
		t.Skip("no -boms")
	}
	names, err := filepath.Glob(filepath.Join(*boms, "*.cdx.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("bills of materials: %v, %v", names, err)
	}
	for _, name := range names {
		cdx, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(strings.TrimSuffix(name, ".cdx.json") + ".spdx.json")
		if err != nil {
			t.Fatal(err)
		}
		bom, doc := parseBills(t, cdx, other)
		count := map[string]int{}
		all := 0
		for _, c := range *bom.Components {
			if c.Type != cyclonedx.ComponentTypeLibrary && c.Type != cyclonedx.ComponentTypeApplication {
				continue
			}
			all++
			p := packageOf(doc, c.PackageURL)
			if p == nil {
				t.Errorf("%s: %s is not in SPDX", name, c.PackageURL)
				continue
			}
			for _, f := range componentFields {
				if has := f.cdx(bom, c); has {
					count[f.name]++
				}
			}
		}
		line := fmt.Sprintf("%s: %d packages", strings.TrimSuffix(filepath.Base(name), ".cdx.json"), all)
		for _, f := range componentFields {
			line += fmt.Sprintf("; %s %d", f.name, count[f.name])
		}
		for _, f := range documentFields {
			if !f.cdx(bom) || !f.spdx(doc) {
				t.Errorf("%s has no %s", name, f.name)
			}
		}
		t.Log(line)
	}
}
