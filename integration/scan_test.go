//go:build e2e

package integration

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	openvex "github.com/openvex/go-vex/pkg/vex"

	"github.com/slimimage/slim/builder"
)

// debianFiles are the files of a small Debian: packages by name with their one file each.
func debianFiles(packages map[string]string) []entry {
	var status strings.Builder
	list := []entry{dir("etc", 0o755, 0, 0), dir("usr", 0o755, 0, 0), dir("usr/lib", 0o755, 0, 0), dir("var", 0o755, 0, 0),
		dir("var/lib", 0o755, 0, 0),
		dir("var/lib/dpkg", 0o755, 0, 0), dir("var/lib/dpkg/info", 0o755, 0, 0), file("etc/debian_version", "12.5\n"),
		file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n")}
	for _, name := range slices.Sorted(keysOf(packages)) {
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nMaintainer: Somebody <s@example.com>\n"+
			"Architecture: amd64\nVersion: 1.0-1\nDescription: a test\n\n", name)
		list = append(list, file(packages[name], name+"\n"),
			file("var/lib/dpkg/info/"+name+".list", "/.\n/usr\n/usr/lib\n/"+packages[name]+"\n"),
			file("var/lib/dpkg/info/"+name+".md5sums", strings.Repeat("0", 32)+"  "+packages[name]+"\n"))
	}
	return append(list, file("var/lib/dpkg/status", status.String()))
}

func keysOf[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// osvDatabase makes a database with one record about each package of Debian, in the form of OSV's exports.
func osvDatabase(t *testing.T, ids map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "Debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for id, name := range ids {
		record := fmt.Sprintf(`{"schema_version": "1.7.0", "id": "DEBIAN-%[1]s", "upstream": [%[1]q], "modified": "2099-01-01T00:00:00Z",
 "published": "2026-01-01T00:00:00Z", "details": "a planted flaw",
 "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected": [{"package": {"ecosystem": "Debian:12", "name": %[2]q, "purl": "pkg:deb/debian/%[2]s?arch=source"},
  "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0-2"}]}]}]}`, id, name)
		w, err := archive.Create("DEBIAN-" + id + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, record); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Debian", "all.zip"), buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// goRecords adds two records about Go's library to a database: the program of doImage has the function of the first, not that of the
// second.
func goRecords(t *testing.T, dir string) {
	t.Helper()
	for id, imports := range map[string]string{"CVE-2026-0004": `{"path": "os", "symbols": ["Exit"]}`,
		"CVE-2026-0005": `{"path": "net/http/httputil", "symbols": ["ReverseProxy.ServeHTTP"]}`} {
		record := fmt.Sprintf(`{"id": "GO-%[1]s", "aliases": [%[1]q], "modified": "2099-01-01T00:00:00Z", "affected": [{"package":
 {"ecosystem": "Go", "name": "stdlib"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "99.0.0"}]}],
 "ecosystem_specific": {"imports": [%[2]s]}}]}`, id, imports)
		if err := os.MkdirAll(filepath.Join(dir, "Go"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "Go", id+".json"), []byte(record), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// flawed is an image of three packages with a known flaw each; of two a file is used. Go's library has two, of which one is linked.
func flawed(t *testing.T) (ref, database string) {
	entries := debianFiles(map[string]string{"libkept": "usr/lib/kept.txt", "libgone": "usr/lib/gone.txt", "librisk": "usr/lib/risk.txt"})
	ref = doImage(t, "flawed", v1.Config{}, entries, "open:/usr/lib/kept.txt", "open:/usr/lib/risk.txt")
	database = osvDatabase(t, map[string]string{"CVE-2026-0001": "libkept", "CVE-2026-0002": "libgone", "CVE-2026-0003": "librisk"})
	goRecords(t, database)
	return ref, database
}

// TestPlantedVulnerability: a package with a kept file is still found after slimming, one without is reported as removed, a function that a
// Go program does not have is no finding that somebody has to do something about, and what is said
// of them is attached and written as go-vex and cyclonedx-go read it.
func TestPlantedVulnerability(t *testing.T) {
	ref, database := flawed(t)
	work := t.TempDir()
	config := filepath.Join(work, "slim.yaml")
	if err := os.WriteFile(config, []byte("accept:\n  - {id: CVE-2026-0003, reason: nobody reaches it, until: 2099-01-31}\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	out, artifacts := filepath.Join(work, "layout"), filepath.Join(work, "artifacts")
	args := []string{"build", ref, "--output", "type=oci,tar=false,dest=" + out, "--tag", "registry.example.com/team/planted:1", "--vuln-db",
		database, "--config", config, "--artifacts", artifacts}
	var result builder.Result
	run := mustSlim(t, append(args, "--format", "json")...)
	decode(t, run.stdout, &result)
	if got, want := becameOf(&result),
		"accepted CVE-2026-0003 librisk, not affected CVE-2026-0005 stdlib, open CVE-2026-0001 libkept, open CVE-2026-0004 stdlib, "+
			"removed CVE-2026-0002 libgone"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !strings.Contains(run.stderr, "vulnerabilities: 1 removed, 0 updated, 1 not affected, 1 accepted, 2 open") {
		t.Errorf("the summary does not say so:\n%s", tail(run.stderr, 20))
	}
	statements := attached(t, out)
	for name, document := range map[string][]byte{"attached": statements["https://openvex.dev/ns/v0.2.0"],
		"artifact": mustRead(t, filepath.Join(artifacts, "vex.openvex.json"))} {
		checkOpenVEX(t, name, document, "pkg:oci/planted@"+result.Digest)
	}
	for name, document := range map[string][]byte{"attached": statements["https://cyclonedx.org/vex"],
		"artifact": mustRead(t, filepath.Join(artifacts, "vex.cdx.json"))} {
		checkCycloneDXVEX(t, name, document)
	}
	if !bytes.Contains(statements["https://www.schemastore.org/schemas/json/sarif-2.1.0.json"], []byte("CVE-2026-0001")) {
		t.Error("the SARIF predicate does not name the finding")
	}
	out = filepath.Join(work, "gated")
	args[3] = "type=oci,tar=false,dest=" + out
	gated := slim(t, append(args, "--fail-on", "critical")...)
	if gated.code != 1 || !strings.Contains(gated.stderr, "1 open vulnerability of level critical or worse: CVE-2026-0001") {
		t.Errorf("--fail-on: exit code %d, want 1\n%s", gated.code, tail(gated.stderr, 5))
	}
	if _, err := os.Stat(filepath.Join(out, "index.json")); err == nil {
		t.Error("--fail-on: something was exported")
	}
}

// becameOf returns the decision on each finding of the original and the slim image.
func becameOf(result *builder.Result) string {
	var list []string
	if result.Scan == nil || result.Scan.Comparison == nil {
		return "no comparison"
	}
	for _, d := range result.Scan.All() {
		list = append(list, fmt.Sprintf("%s %s %s", d.State, d.Finding.ID, d.Finding.Package.Name))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func checkOpenVEX(t *testing.T, name string, document []byte, image string) {
	t.Helper()
	doc, err := openvex.Parse(document)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	const purl = "pkg:deb/debian/%s@1.0-1?arch=amd64&distro=debian-12"
	for id, pkg := range map[string]string{"CVE-2026-0001": "libkept", "CVE-2026-0003": "librisk"} {
		got := doc.Matches(id, image, []string{fmt.Sprintf(purl, pkg)})
		if len(got) != 1 || got[0].Status != openvex.StatusAffected || got[0].ActionStatement == "" || got[0].Validate() != nil {
			t.Errorf("%s: %s in %s: %+v", name, id, image, got)
		}
	}
	if bytes.Contains(document, []byte("CVE-2026-0002")) {
		t.Errorf("%s: speaks of a package that is not in the image", name)
	}
}

func checkCycloneDXVEX(t *testing.T, name string, document []byte) {
	t.Helper()
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(document), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	states := map[string]string{}
	for _, v := range *bom.Vulnerabilities {
		states[v.ID] = string(v.Analysis.State) + " " + (*v.Properties)[0].Name
	}
	want := map[string]string{"CVE-2026-0001": "exploitable devguard:pathPattern", "CVE-2026-0003": "exploitable devguard:pathPattern",
		"CVE-2026-0004": "exploitable devguard:pathPattern", "CVE-2026-0005": "not_affected devguard:pathPattern"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	if properties := bom.Metadata.Properties; properties == nil || !strings.HasPrefix((*properties)[0].Value, "CVE-2026-0002 ") {
		t.Errorf("%s: properties %v, want the removed finding", name, properties)
	}
	if bom.Metadata.Component.PackageURL == "" || len(*bom.Components) != 3 {
		t.Errorf("%s: %+v", name, bom.Metadata.Component)
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// attached are the predicates that BuildKit attached to the image of a layout, by type. Each must be a statement of in-toto about the
// digest of the image's own manifest.
func attached(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	index, manifest := layoutIndex(t, dir)
	index, manifest = innerIndex(t, index, manifest)
	images, predicates := map[string]bool{}, map[string][]byte{}
	for _, d := range manifest.Manifests {
		about := d.Annotations["vnd.docker.reference.digest"]
		if about == "" {
			images[d.Digest.String()] = true
			continue
		}
		if d.Annotations["vnd.docker.reference.type"] != "attestation-manifest" || !images[about] {
			t.Errorf("attestations are about %s, which is no image of the index", about)
		}
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		readStatements(t, image, about, predicates)
	}
	return predicates
}

// readStatements adds the predicates of an attestation manifest about a digest.
func readStatements(t *testing.T, image v1.Image, about string, predicates map[string][]byte) {
	t.Helper()
	list, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for i, blob := range list {
		r, err := blob.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		var statement struct {
			Type    string `json:"_type"`
			Subject []struct {
				Digest map[string]string `json:"digest"`
			} `json:"subject"`
			PredicateType string          `json:"predicateType"`
			Predicate     json.RawMessage `json:"predicate"`
		}
		decode(t, string(data), &statement)
		kind := statement.PredicateType
		if !strings.HasPrefix(statement.Type, "https://in-toto.io/Statement/v") ||
			manifest.Layers[i].Annotations["in-toto.io/predicate-type"] != kind {
			t.Errorf("%s: statement %s, annotation %v", kind, statement.Type, manifest.Layers[i].Annotations)
		}
		if len(statement.Subject) == 0 {
			t.Errorf("%s: no subject", kind)
		}
		for _, subject := range statement.Subject {
			if got := "sha256:" + subject.Digest["sha256"]; got != about {
				t.Errorf("%s: its subject is %s, want %s", kind, got, about)
			}
		}
		predicates[kind] = statement.Predicate
	}
}

// TestAttestedSubjects: every statement that BuildKit attaches is about the image's own manifest, all are there, and the files for the next
// jobs of a pipeline name the same image.
func TestAttestedSubjects(t *testing.T) {
	work := t.TempDir()
	dir, artifacts := filepath.Join(work, "layout"), filepath.Join(work, "artifacts")
	out := mustSlim(t, "build", small(t), "--tag", "registry.example.com/team/small:1", "--output", "type=oci,tar=false,dest="+dir,
		"--artifacts", artifacts, "--resource-labels", "--format", "json")
	var result builder.Result
	decode(t, out.stdout, &result)
	predicates := attached(t, dir)
	want := []string{"https://cyclonedx.org/bom", "https://in-toto.io/attestation/release/v0.1",
		"https://in-toto.io/attestation/runtime-trace/v0.1",
		"https://in-toto.io/attestation/test-result/v0.1", "https://slsa.dev/provenance/v1", "https://spdx.dev/Document"}
	if diff := cmp.Diff(want, slices.Sorted(keysOf(predicates))); diff != "" {
		t.Errorf("predicates (-want +got):\n%s", diff)
	}
	img := readLayout(t, dir)
	manifest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if result.Manifest != manifest.String() || result.Digest == result.Manifest {
		t.Errorf("digest %s, manifest %s, want an index and %s", result.Digest, result.Manifest, manifest)
	}
	const purl = "pkg:oci/small?repository_url=registry.example.com/team/small&arch=amd64&tag=1"
	for name, want := range map[string]string{
		"image-digest.txt": result.Digest, "image-tag.txt": "registry.example.com/team/small:1", "artifact-purl.txt": purl,
		"variables.env":          "IMAGE_TAG=registry.example.com/team/small:1@" + result.Digest,
		"artifact-purl-safe.txt": "pkg:oci%2Fsmall%3Frepository_url=registry.example.com%2Fteam%2Fsmall&arch=amd64&tag=1",
	} {
		if got := string(mustRead(t, filepath.Join(artifacts, name))); got != want+"\n" {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	var provenance struct {
		BuildDefinition struct {
			BuildType string `json:"buildType"`
		} `json:"buildDefinition"`
	}
	decode(t, string(mustRead(t, filepath.Join(artifacts, "build.provenance.json"))), &provenance)
	if !strings.Contains(provenance.BuildDefinition.BuildType, "buildkit") {
		t.Errorf("provenance: %+v", provenance)
	}
	checkBill(t, mustRead(t, filepath.Join(artifacts, "sbom.cyclonedx.json")))
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	labels := config.Config.Labels
	if labels["org.opencontainers.image.resource.memory"] != "64Mi" || labels["org.opencontainers.image.resource.ephemeral-storage"] == "" ||
		labels["org.opencontainers.image.title"] != "small" {
		t.Errorf("labels = %v", labels)
	}
}

// checkBill: what DevGuard requires of a bill of materials.
func checkBill(t *testing.T, document []byte) {
	t.Helper()
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(document), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	root := bom.Metadata.Component
	if root.BOMRef == "" || root.BOMRef != root.PackageURL || root.Name == "" || bom.BOMFormat != "CycloneDX" {
		t.Errorf("its component is %+v", root)
	}
	for _, c := range *bom.Components {
		if c.BOMRef == "" || c.Type == cyclonedx.ComponentTypeLibrary && !strings.Contains(c.PackageURL, "@") {
			t.Errorf("component %+v", c)
		}
	}
}
