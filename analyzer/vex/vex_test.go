package vex

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	openvex "github.com/openvex/go-vex/pkg/vex"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/analyzer/vuln"
)

const (
	indexHex    = "1111111111111111111111111111111111111111111111111111111111111111"
	platformHex = "2222222222222222222222222222222222222222222222222222222222222222"
)

var (
	product = Product{Repository: "registry.example.com/team/App", Tag: "2", Digest: "sha256:" + indexHex,
		Platforms: []string{"sha256:" + platformHex}, Arch: "amd64"}
	opts   = Options{Timestamp: time.Date(2026, 11, 24, 12, 0, 0, 0, time.FixedZone("x", 3600))}
	libssl = vuln.Package{Ecosystem: "Debian:12", Name: "libssl3", Version: "3.0.15-1",
		Purl: "pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&distro=debian-12"}
	flask   = vuln.Package{Ecosystem: "PyPI", Name: "flask", Version: "1.0", Purl: "pkg:pypi/flask@1.0"}
	urllib3 = vuln.Package{Ecosystem: "PyPI", Name: "urllib3", Version: "2.0", Purl: "pkg:pypi/urllib3@2.0"}
)

func report() *vuln.Report {
	return &vuln.Report{Decisions: []vuln.Decision{
		{Finding: vuln.Finding{ID: "CVE-2024-3", Package: urllib3, Severity: vuln.Unknown}, Advice: vuln.Affected, State: vuln.StateOpen,
			Text: "affected, no update is known"},
		{Finding: vuln.Finding{ID: "CVE-2024-1", Aliases: []string{"DSA-1"}, Package: libssl, Severity: vuln.High, Score: 7.5,
			Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", URL: "https://example.com/1?a=b&c=d"}, Advice: vuln.NotAffected,
			State: vuln.StateNotAffected, Text: "not affected: none", Evidence: "the image holds none of usr/lib/x.so"},
		{Finding: vuln.Finding{ID: "CVE-2024-2", Package: flask, Severity: vuln.Medium, Fixed: "2"}, Advice: vuln.Update, State: vuln.StateOpen,
			Text: "update flask to 2"},
		{Finding: vuln.Finding{ID: "CVE-2024-2", Package: libssl, Severity: vuln.Low}, Advice: vuln.Accepted, State: vuln.StateAccepted,
			Text: "accepted until 2027-01-31: rare", Accepted: &vuln.Acceptance{}},
		{Finding: vuln.Finding{ID: "CVE-2024-9", Package: vuln.Package{Name: "nopurl"}}, Advice: vuln.Affected, State: vuln.StateOpen, Text: "x"},
	}, Gone: []vuln.Decision{
		{Finding: vuln.Finding{ID: "CVE-2023-1", Package: vuln.Package{Name: "flask", Version: "0.9", Purl: "pkg:pypi/flask@0.9"}},
			State: vuln.StateUpdated, Now: &flask},
		{Finding: vuln.Finding{ID: "CVE-2023-2", Package: vuln.Package{Name: "perl", Purl: "pkg:deb/debian/perl@5"}}, State: vuln.StateRemoved},
	}}
}

func statements() []Statement { return Statements(report()) }

// TestOpenVEX asks go-vex, the library of Trivy, Grype and DevGuard, with the names they use.
func TestOpenVEX(t *testing.T) {
	data, err := OpenVEX(statements(), product, opts)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openvex.Parse(data)
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if len(doc.Statements) != 5 || doc.Author != "slim" || doc.Timestamp.Format(time.RFC3339) != "2026-11-24T11:00:00Z" ||
		doc.Context != "https://openvex.dev/ns/v0.2.0" {
		t.Errorf("%+v", doc.Metadata)
	}
	for _, s := range doc.Statements {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.Vulnerability.Name, err)
		}
	}
	images := map[string]string{
		"Trivy":           "pkg:oci/app@sha256%3A" + indexHex + "?arch=amd64&repository_url=registry.example.com%2Fteam%2Fapp",
		"Trivy, platform": "pkg:oci/app@sha256:" + platformHex + "?arch=amd64&repository_url=registry.example.com%2Fteam%2Fapp",
		"Grype":           "pkg:oci/app@sha256:" + indexHex + "?repository_url=registry.example.com/team",
		"Grype, digest":   platformHex,
		"Scout":           "pkg:docker/registry.example.com/team/App@2",
		"full":            "pkg:oci/app@sha256%3A" + indexHex + "?arch=amd64&repository_url=registry.example.com%2Fteam%2FApp&tag=2",
	}
	for scanner, id := range images {
		for _, sub := range []string{libssl.Purl, "pkg:deb/debian/libssl3@3.0.15-1", libssl.Purl + "&epoch=0"} {
			if got := doc.Matches("CVE-2024-1", id, []string{sub}); len(got) != 1 || got[0].Status != openvex.StatusNotAffected ||
				got[0].Justification != openvex.VulnerableCodeNotPresent {
				t.Errorf("%s %s %s: %+v", scanner, id, sub, got)
			}
		}
		if got := doc.Matches("DSA-1", id, []string{libssl.Purl}); len(got) != 1 {
			t.Errorf("%s does not find the alias", scanner)
		}
		if got := doc.Matches("CVE-2024-1", id, []string{"pkg:deb/debian/libssl3@3.0.14-1"}); len(got) != 0 {
			t.Errorf("%s: matches another version", scanner)
		}
	}
	if got := doc.Matches("CVE-2024-1", "pkg:oci/app@sha256:"+strings.Repeat("3", 64), []string{libssl.Purl}); len(got) != 0 {
		t.Error("another image matches")
	}
	if got := doc.Matches("CVE-2024-1", libssl.Purl, nil); len(got) != 0 {
		t.Error("the bare package is a product, unasked")
	}
	statuses := map[string]string{}
	for _, s := range doc.Statements {
		statuses[string(s.Vulnerability.Name)+" "+s.Products[0].Subcomponents[0].ID] = string(s.Status) + " " + s.ActionStatement
	}
	want := map[string]string{
		"CVE-2023-1 " + flask.Purl: "fixed ", "CVE-2024-1 " + libssl.Purl: "not_affected ",
		"CVE-2024-2 " + flask.Purl:   "affected update flask to 2",
		"CVE-2024-2 " + libssl.Purl:  "affected accepted until 2027-01-31: rare",
		"CVE-2024-3 " + urllib3.Purl: "affected affected, no update is known",
	}
	if diff := cmp.Diff(want, statuses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEnclosed: a document made before the digest is known names the image without one, by the purl of its bill of materials.
func TestEnclosed(t *testing.T) {
	unknown := product
	unknown.Digest, unknown.Platforms = "", nil
	enclosed := opts
	enclosed.Enclosed = true
	data, err := OpenVEX(statements(), unknown, enclosed)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openvex.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"pkg:oci/app@sha256%3A" + indexHex + "?arch=amd64&repository_url=registry.example.com%2Fteam%2Fapp",
		"pkg:docker/registry.example.com/team/App@2"} {
		if got := doc.Matches("CVE-2024-1", id, []string{libssl.Purl}); len(got) != 1 || got[0].Status != openvex.StatusNotAffected {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if got := doc.Matches("CVE-2024-1", "pkg:oci/other@sha256%3A"+indexHex, []string{libssl.Purl}); len(got) != 0 {
		t.Error("another image matches")
	}
	if data, err = CycloneDX(statements(), unknown, enclosed); err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(data), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	root := bom.Metadata.Component
	if want := sbom.ImagePurl(product.Repository, "2", "", "amd64"); root.PackageURL != want || root.BOMRef != want || root.Version != "2" ||
		root.Hashes != nil {
		t.Errorf("root %+v, want %s", root, want)
	}
}

func TestPackageProducts(t *testing.T) {
	bare := opts
	bare.PackageProducts = true
	data, err := OpenVEX(statements(), product, bare)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openvex.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Matches("CVE-2024-1", libssl.Purl, nil); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestCycloneDX(t *testing.T) {
	known := opts
	known.Removed = Removed(report())
	data, err := CycloneDX(statements(), product, known)
	if err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(data), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if bom.SpecVersion != cyclonedx.SpecVersion1_5 || bom.Metadata.Component.PackageURL != bom.Metadata.Component.BOMRef ||
		bom.Metadata.Timestamp != "2026-11-24T11:00:00Z" ||
		bom.Metadata.Component.Type != cyclonedx.ComponentTypeContainer || !strings.HasPrefix(bom.Metadata.Component.PackageURL,
		"pkg:oci/app@sha256:1111") {
		t.Errorf("%+v", bom.Metadata.Component)
	}
	refs := map[string]bool{}
	for _, c := range *bom.Components {
		refs[c.BOMRef] = true
	}
	var got []string
	for _, v := range *bom.Vulnerabilities {
		var pattern []string
		if err := json.Unmarshal([]byte((*v.Properties)[0].Value), &pattern); err != nil {
			t.Error(err)
		}
		ref := (*v.Affects)[0].Ref
		if !refs[ref] || len(pattern) != 2 || len(*v.Properties) != 2 || pattern[1] != ref || (*v.Properties)[0].Name != "devguard:pathPattern" ||
			strings.Contains((*v.Properties)[0].Value, `\u`) {
			t.Errorf("%s affects %s, pattern %q", v.ID, ref, pattern)
		}
		line := v.ID + " " + string(v.Analysis.State) + " " + string(v.Analysis.Justification)
		if v.Analysis.Response != nil {
			line += string((*v.Analysis.Response)[0])
		}
		got = append(got, line)
	}
	want := []string{"CVE-2023-1 resolved ", "CVE-2024-1 not_affected code_not_present", "CVE-2024-2 exploitable will_not_fix",
		"CVE-2024-2 exploitable update", "CVE-2024-3 in_triage "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	properties := *bom.Metadata.Properties
	if want := (cyclonedx.Property{Name: "slim:removed", Value: "CVE-2023-2 pkg:deb/debian/perl@5"}); len(properties) != 1 ||
		properties[0] != want || bytes.Count(data, []byte("perl")) != 1 {
		t.Errorf("properties %v, want %v and the removed package nowhere else", properties, want)
	}
}

func TestDeterministic(t *testing.T) {
	for name, write := range map[string]func([]Statement, Product, Options) ([]byte, error){"OpenVEX": OpenVEX, "CycloneDX": CycloneDX} {
		list := statements()
		first, err := write(list, product, opts)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
		again, err := write(append(list, list[0]), product, opts)
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s: the order of the statements matters: %v", name, err)
		}
		other, err := write(list[1:], product, opts)
		if err != nil || id(t, first) == id(t, other) || !strings.HasPrefix(id(t, first), "urn:uuid:") || len(id(t, first)) != 45 {
			t.Errorf("%s: id %s", name, id(t, first))
		}
	}
}

func id(t *testing.T, data []byte) string {
	t.Helper()
	var doc struct {
		ID     string `json:"@id"`
		Serial string `json:"serialNumber"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.ID + doc.Serial
}

func TestRefused(t *testing.T) {
	good := Statement{ID: "CVE-1", Package: flask, Status: Affected, Action: "x"}
	tests := map[string]struct {
		change  func(*Statement)
		product Product
		want    string
	}{
		"no evidence":  {func(s *Statement) { s.Status, s.Action, s.Evidence = NotAffected, "", " " }, product, "not affected, without evidence"},
		"evidence":     {func(s *Statement) { s.Evidence = "x" }, product, "evidence, but not"},
		"no action":    {func(s *Statement) { s.Action = "" }, product, "without an action"},
		"no purl":      {func(s *Statement) { s.Package.Purl = "" }, product, "no package URL"},
		"no id":        {func(s *Statement) { s.ID = "" }, product, "no vulnerability"},
		"status":       {func(s *Statement) { s.Status = "harmless" }, product, "unknown status"},
		"digest":       {func(*Statement) {}, Product{Repository: "a", Digest: "sha256:x"}, "not a SHA-256 digest"},
		"no digest":    {func(*Statement) {}, Product{Repository: "a"}, "no name or no digest"},
		"bad platform": {func(*Statement) {}, Product{Repository: "a", Digest: product.Digest, Platforms: []string{"x"}}, "not a SHA-256 digest"},
	}
	for name, test := range tests {
		s := good
		test.change(&s)
		for _, write := range []func([]Statement, Product, Options) ([]byte, error){OpenVEX, CycloneDX} {
			if _, err := write([]Statement{s}, test.product, opts); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	bad := good
	bad.Status, bad.Action = NotAffected, ""
	if _, err := OpenVEX([]Statement{bad}, product, opts); !errors.Is(err, errNoEvidence) {
		t.Error(err)
	}
}
