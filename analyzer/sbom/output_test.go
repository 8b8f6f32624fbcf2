package sbom_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/slimimage/slim/analyzer/sbom"
)

// mixed is a root with packages of several kinds.
const mixed = release + `
-- var/lib/dpkg/status --
Package: libx
Status: install ok installed
Architecture: amd64
Version: 1:2.0+b1
Source: x
Depends: liby
Homepage: https://example.org/x
Maintainer: "X (Team)" <x@example.org>

Package: liby
Status: install ok installed
Architecture: all
Version: 1
Maintainer: Y
Homepage: no url
-- var/lib/dpkg/info/libx.list --
/usr/lib/libx.so
-- usr/lib/libx.so --
x
-- usr/share/doc/libx/copyright --
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: GPL-2+ or MIT
License: ad-hoc
License: BSD-3-clause
-- usr/share/doc/liby/copyright --
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: ad-hoc
License: LicenseRef-own
License: MIT
-- app/node_modules/a/package.json --
{"name": "a", "version": "1.0.0", "license": "MIT", "dependencies": {"b": "1"}}
-- app/node_modules/b/package.json --
{"name": "b", "version": "1.0.0", "license": "(MIT OR ISC)"}
-- var/odd\name --
x
`

// image is a document as a command makes it.
func image(t testing.TB, all bool) *sbom.Document {
	content := javaTree(t)
	content["usr/bin/plain"] = elfWith(".other", []byte("x"))
	return read(t, files(t, content, mixed), sbom.Options{
		Name: "registry.example.com/app", Version: "2", Purl: sbom.ImagePurl("registry.example.com/app", "2", "sha256:ab", "amd64"),
		Created: "2026-01-02T03:04:05Z", Tool: "v1", AllFiles: all,
	})
}

func TestCycloneDX(t *testing.T) {
	for _, all := range []bool{false, true} {
		doc := image(t, all)
		data, err := doc.CycloneDX()
		if err != nil {
			t.Fatal(err)
		}
		bom := new(cyclonedx.BOM)
		strict := json.NewDecoder(bytes.NewReader(data))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&struct {
			Schema string `json:"$schema"`
			*cyclonedx.BOM
		}{BOM: bom}); err != nil {
			t.Fatalf("unknown to the format: %v", err)
		}
		if err := cyclonedx.NewBOMDecoder(bytes.NewReader(data), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
			t.Fatal(err)
		}
		checkBOM(t, bom)
		listed := 0
		for _, c := range *bom.Components {
			if c.Type == cyclonedx.ComponentTypeFile {
				listed++
			}
		}
		if want := map[bool]int{false: 1, true: len(doc.Files)}[all]; listed != want {
			t.Errorf("AllFiles %v: %d files are listed, want %d", all, listed, want)
		}
	}
}

// checkBOM holds the document to what consumers require: a root with reference, name and purl, a reference and a valid purl for
// every component, and edges between what is there.
func checkBOM(t *testing.T, bom *cyclonedx.BOM) {
	t.Helper()
	root := bom.Metadata.Component
	if bom.SpecVersion != cyclonedx.SpecVersion1_6 || bom.BOMFormat != "CycloneDX" || root.BOMRef == "" || root.Name == "" ||
		root.PackageURL != "pkg:oci/app@sha256:ab?arch=amd64&repository_url=registry.example.com%2Fapp&tag=2" ||
		bom.Metadata.Timestamp != "2026-01-02T03:04:05Z" || !strings.HasPrefix(bom.SerialNumber, "urn:uuid:") {
		t.Errorf("head = %+v, root %+v", bom, root)
	}
	refs := map[string]bool{root.BOMRef: true}
	for _, c := range *bom.Components {
		if c.BOMRef == "" || refs[c.BOMRef] {
			t.Errorf("component %q has reference %q, none or not its own", c.Name, c.BOMRef)
		}
		refs[c.BOMRef] = true
		if c.Type == cyclonedx.ComponentTypeLibrary {
			if p, err := packageurl.FromString(c.PackageURL); err != nil || p.ToString() != c.PackageURL || !strings.Contains(c.PackageURL, "@") {
				t.Errorf("component %q has purl %q: %v", c.Name, c.PackageURL, err)
			}
		}
		if c.Licenses != nil {
			for _, choice := range *c.Licenses {
				if choice.Expression != "" && len(*c.Licenses) > 1 {
					t.Errorf("component %q: an expression must be alone: %v", c.Name, *c.Licenses)
				}
			}
		}
	}
	for i, d := range *bom.Dependencies {
		if !refs[d.Ref] {
			t.Errorf("dependencies of %q, which is nothing", d.Ref)
		}
		if d.Dependencies == nil {
			continue
		}
		if !slices.IsSorted(*d.Dependencies) && i > 0 {
			t.Errorf("dependencies of %q are not sorted", d.Ref)
		}
		for _, on := range *d.Dependencies {
			if !refs[on] {
				t.Errorf("%q depends on %q, which is nothing", d.Ref, on)
			}
		}
	}
}

func TestCycloneDXContent(t *testing.T) {
	data, err := image(t, false).CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"supplier": {
        "name": "X (Team)",
        "contact": [
          {
            "email": "x@example.org"
          }
        ]
      }`,
		`"expression": "(GPL-2.0-or-later OR MIT) AND LicenseRef-ad-hoc AND BSD-3-Clause"`,
		`"licenses": [
        {
          "license": {
            "name": "ad-hoc",
            "acknowledgement": "declared"
          }
        },
        {
          "license": {
            "name": "LicenseRef-own",
            "acknowledgement": "declared"
          }
        },
        {
          "license": {
            "id": "MIT",
            "acknowledgement": "declared"
          }
        }
      ]`,
		`"expression": "MIT OR ISC"`,
		`"url": "https://example.org/x"`,
		`"ref": "pkg:npm/a@1.0.0",
      "dependsOn": [
        "pkg:npm/b@1.0.0"
      ]`,
		`"name": "/usr/bin/plain"`,
		`"location": "/app/web.war!/WEB-INF/lib/inner-3.1.jar"`,
	} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("CycloneDX has not %s\n%s", want, data)
			return
		}
	}
	if bytes.Contains(data, []byte("no url")) {
		t.Error("a homepage that is no URL is written")
	}
}

func TestSPDX(t *testing.T) {
	for _, all := range []bool{false, true} {
		data, err := image(t, all).SPDX()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := spdxjson.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := spdxlib.ValidateDocument(doc); err != nil {
			t.Error(err)
		}
		described, err := spdxlib.GetDescribedPackageIDs(doc)
		if err != nil || len(described) != 1 || described[0] != "Image" {
			t.Errorf("described = %v, %v", described, err)
		}
		refs := map[string]bool{}
		for _, l := range doc.OtherLicenses {
			refs[l.LicenseIdentifier] = true
		}
		files := map[common.ElementID]string{}
		for _, f := range doc.Files {
			for _, sum := range f.Checksums {
				if sum.Algorithm == common.SHA1 {
					files[f.FileSPDXIdentifier] = sum.Value
				}
			}
			if !strings.HasPrefix(f.FileName, "./") || len(f.Checksums) != 3 {
				t.Errorf("file = %+v", f)
			}
		}
		for _, pkg := range doc.Packages {
			for _, word := range strings.Fields(pkg.PackageLicenseDeclared) {
				if word = strings.Trim(word, "()"); strings.HasPrefix(word, "LicenseRef-") && !refs[word] {
					t.Errorf("licence %q of %q is not explained", word, pkg.PackageName)
				}
			}
			var sums []string
			for _, rel := range doc.Relationships {
				if rel.Relationship == common.TypeRelationshipContains && rel.RefA.ElementRefID == pkg.PackageSPDXIdentifier &&
					files[rel.RefB.ElementRefID] != "" {
					sums = append(sums, files[rel.RefB.ElementRefID])
				}
			}
			if pkg.FilesAnalyzed != (len(sums) > 0) || pkg.FilesAnalyzed != (pkg.PackageVerificationCode != nil) {
				t.Errorf("package %q: %d files, analyzed %v, code %v", pkg.PackageName, len(sums), pkg.FilesAnalyzed, pkg.PackageVerificationCode)
			}
		}
	}
}

func TestDeterminism(t *testing.T) {
	for name, write := range map[string]func(*sbom.Document) ([]byte, error){"CycloneDX": (*sbom.Document).CycloneDX,
		"SPDX": (*sbom.Document).SPDX} {
		one, err := write(image(t, true))
		if err != nil {
			t.Fatal(err)
		}
		two, err := write(image(t, true))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(one), string(two)); diff != "" {
			t.Errorf("%s of the same root differs:\n%s", name, diff)
		}
	}
}

func TestEmpty(t *testing.T) {
	doc := read(t, tree(t, ""), sbom.Options{})
	data, err := doc.CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(data), cyclonedx.BOMFileFormatJSON).Decode(new(cyclonedx.BOM)); err != nil {
		t.Error(err)
	}
	if data, err = doc.SPDX(); err != nil {
		t.Fatal(err)
	}
	parsed, err := spdxjson.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(parsed); err != nil {
		t.Error(err)
	}
}
