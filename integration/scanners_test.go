//go:build e2e && scanners

package integration

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/package-url/packageurl-go"

	"github.com/slimimage/slim/analyzer/packages/rpmdb/rpmtest"
	"github.com/slimimage/slim/builder"
)

// The scanners that users trust, as readers of what slim makes: Trivy, Grype with its Syft, and osv-scalibr. The first two are programs of
// scanners/, linked with their libraries, each a Go module of its own. `make scanners` runs this; it compiles some 3,000 packages.

// reading is what a scanner found in an image or a bill of materials, in the form of the programs of scanners/.
type reading struct {
	Reader     string
	OS         string
	Packages   []struct{ Name, Version, Purl, Path string }
	Findings   []scannerFinding
	Suppressed []scannerFinding
}

type scannerFinding struct{ ID, Package, Version string }

// advisory is a planted flaw, in the form that the programs of scanners/ read. The ecosystem is named as OSV names it.
type advisory struct {
	ID        string `json:"id"`
	Ecosystem string `json:"ecosystem"`
	Package   string `json:"package"`
	Fixed     string `json:"fixed"`
}

// scanners are the programs. Trivy needs Go's second version of encoding/json.
var scanners = map[string]func() (string, error){"trivy": scannerProgram("trivy", "GOEXPERIMENT=jsonv2"), "grype": scannerProgram("grype")}

var scannerNames = []string{"grype", "trivy"}

// scannerProgram builds a program of scanners/ once. It stays for the next run: to link it takes a minute.
func scannerProgram(name string, env ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		program, err := filepath.Abs(filepath.Join("..", ".cache", "scanner-"+name))
		if err != nil {
			return "", err
		}
		build := exec.Command("go", "build", "-p", "2", "-o", program, ".")
		build.Dir, build.Env = filepath.Join("scanners", name), append(append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false"), env...)
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w\n%s", err, out)
		}
		return program, nil
	})
}

// scanner runs a program of scanners/ and returns its output.
func scanner(t testing.TB, name, input string, args ...string) string {
	t.Helper()
	program, err := scanners[name]()
	if err != nil {
		t.Fatalf("building %s: %v", name, err)
	}
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, tail(stderr.String(), 20))
	}
	return stdout.String()
}

// plantedDatabases are the databases of slim and of both scanners, with the same flaws.
type plantedDatabases map[string]string // scanner to directory; slim's is "slim"

func plant(t *testing.T, flaws []advisory) plantedDatabases {
	t.Helper()
	input, err := json.Marshal(flaws)
	if err != nil {
		t.Fatal(err)
	}
	dirs := plantedDatabases{"slim": osvExports(t, flaws)}
	for _, name := range scannerNames {
		dirs[name] = filepath.Join(t.TempDir(), name)
		scanner(t, name, string(input), "-db", dirs[name], "-plant")
	}
	return dirs
}

// osvExports writes the flaws in the form of OSV's exports.
func osvExports(t *testing.T, flaws []advisory) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]*bytes.Buffer{}
	archives := map[string]*zip.Writer{}
	for _, flaw := range flaws {
		ecosystem, _, _ := strings.Cut(flaw.Ecosystem, ":")
		if files[ecosystem] == nil {
			files[ecosystem] = &bytes.Buffer{}
			archives[ecosystem] = zip.NewWriter(files[ecosystem])
		}
		w, err := archives[ecosystem].Create(flaw.ID + ".json")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, `{"schema_version": "1.7.0", "id": %q, "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
 "details": "a planted flaw", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected": [{"package": {"ecosystem": %q, "name": %q}, "ranges": [{"type": "ECOSYSTEM",
 "events": [{"introduced": "0"}, {"fixed": %q}]}]}]}`, flaw.ID, flaw.Ecosystem, flaw.Package, flaw.Fixed)
	}
	for ecosystem, archive := range archives {
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, ecosystem), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ecosystem, "all.zip"), files[ecosystem].Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read is what a scanner finds in a target, as its program names it.
func (d plantedDatabases) read(t testing.TB, name, target string, args ...string) reading {
	t.Helper()
	var found reading
	decode(t, scanner(t, name, "", append(append([]string{"-db", d[name]}, args...), target)...), &found)
	return found
}

// ids are the findings, one line each, sorted.
func ids(list []scannerFinding) []string {
	lines := []string{}
	for _, f := range list {
		lines = append(lines, f.ID+" "+f.Package+" "+f.Version)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// purls are the packages' URLs without what readers spell differently, sorted.
func (r *reading) purls() []string {
	list := []string{}
	for _, p := range r.Packages {
		if id := purlIdentity(p.Purl); id != "" {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// purlIdentity is a package URL without qualifiers; "" for what is not a package of the image (the image, its files) and for a Go program's
// own module without a version, which no database can speak of and which Grype leaves out of an image.
func purlIdentity(purl string) string {
	p, err := packageurl.FromString(purl)
	if err != nil || p.Type == "oci" || p.Type == "generic" || p.Version == "" {
		return ""
	}
	if epoch := p.Qualifiers.Map()["epoch"]; epoch != "" { // as Trivy writes it
		p.Version = epoch + ":" + p.Version
	}
	if p.Type == "golang" && p.Namespace == "" && p.Name == "go" { // as osv-scalibr calls it
		p.Name = "stdlib"
	}
	p.Qualifiers, p.Subpath = nil, ""
	p.Version = strings.TrimPrefix(p.Version, "v")
	return p.String()
}

// scannerSystem is a small system of one kind: libkept, libpart and libgone, of which only the first is kept whole and the last not at all,
// and a package of Node and of Python that the application brought.
type scannerSystem struct {
	entries            []entry
	ecosystem, version string
}

// systemPackages are the packages of the distribution with their files.
var systemPackages = map[string][]string{"libkept": {"/usr/lib/kept.txt"}, "libpart": {"/usr/lib/part.txt", "/usr/lib/flaw.txt"},
	"libgone": {"/usr/lib/gone.txt"}}

func scannerSystems(t *testing.T) map[string]scannerSystem {
	t.Helper()
	var status, installed strings.Builder
	var headers [][]byte
	deb := []entry{dir("var/lib/dpkg", 0o755, 0, 0), dir("var/lib/dpkg/info", 0o755, 0, 0), file("etc/debian_version", "12.5\n")}
	for _, name := range slices.Sorted(keysOf(systemPackages)) {
		files := systemPackages[name]
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nMaintainer: Somebody <s@example.com>\nArchitecture: amd64\n"+
			"Version: 1.0-1\nDescription: a test\n\n", name)
		deb = append(deb, file("var/lib/dpkg/info/"+name+".list", "/.\n/usr\n/usr/lib\n"+strings.Join(files, "\n")+"\n"))
		fmt.Fprintf(&installed, "P:%s\nV:1.0-r0\nA:x86_64\nL:MIT\no:%s\nF:usr\nF:usr/lib\n", name, name)
		for _, place := range files {
			fmt.Fprintf(&installed, "R:%s\nZ:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\n", filepath.Base(place))
		}
		installed.WriteString("\n")
		headers = append(headers, rpmtest.Header(name, append([]string{"/usr/lib/"}, files...)...))
	}
	database, err := rpmtest.Database(headers...)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]scannerSystem{
		"deb": {append(systemBase("ID=debian\nVERSION_ID=\"12\"\n"), append(deb, file("var/lib/dpkg/status", status.String()))...),
			"Debian:12", "1.0-2"},
		"apk": {append(systemBase("ID=alpine\nVERSION_ID=3.20.1\n"), file("etc/alpine-release", "3.20.1\n"),
			file("lib/apk/db/installed", installed.String())), "Alpine:v3.20", "1.0-r1"},
		"rpm": {append(systemBase("ID=\"rocky\"\nVERSION_ID=\"9.4\"\n"), file("etc/rocky-release", "Rocky Linux release 9.4 (Blue Onyx)\n"),
			file("var/lib/rpm/rpmdb.sqlite", string(database))), "Rocky Linux:9", "1:1.2-4.el9"},
	}
}

// systemBase are the files that every system has: those of the distribution's packages, and the application's of Node and Python.
func systemBase(release string) []entry {
	list := []entry{dir("etc", 0o755, 0, 0), dir("usr", 0o755, 0, 0), dir("usr/lib", 0o755, 0, 0), file("etc/os-release", release)}
	for _, name := range slices.Sorted(keysOf(systemPackages)) {
		for _, place := range systemPackages[name] {
			list = append(list, file(strings.TrimPrefix(place, "/"), place+"\n"))
		}
	}
	const module, site = "app/node_modules/node-app", "usr/lib/python3/dist-packages/"
	return append(list, file(module+"/package.json", `{"name": "node-app", "version": "1.0.0", "license": "MIT"}`),
		file(module+"/index.js", "module.exports = 1\n"), file(site+"pyapp/__init__.py", "\n"),
		file(site+"pyapp-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pyapp\nVersion: 1.0\nLicense: MIT\n\n"),
		file(site+"pyapp-1.0.dist-info/RECORD", "pyapp/__init__.py,,\npyapp-1.0.dist-info/METADATA,,\n"))
}

// flaws are one flaw for each package of a system.
func (s *scannerSystem) flaws() []advisory {
	return []advisory{{"CVE-2026-0001", s.ecosystem, "libkept", s.version}, {"CVE-2026-0002", s.ecosystem, "libpart", s.version},
		{"CVE-2026-0003", s.ecosystem, "libgone", s.version}, {"CVE-2026-0004", "npm", "node-app", "1.0.1"},
		{"CVE-2026-0005", "PyPI", "pyapp", "1.1"}}
}

// allFlaws are those of the original image, keptFlaws those of packages with a kept file.
var (
	allFlaws  = []string{"CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003", "CVE-2026-0004", "CVE-2026-0005"}
	keptFlaws = []string{"CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0004", "CVE-2026-0005"}
)

// cves are the identifiers of findings, sorted.
func cves(list []scannerFinding) []string {
	found := map[string]bool{}
	for _, f := range list {
		found[f.ID] = true
	}
	return slices.Sorted(keysOf(found))
}

// TestScannersPlanted: of each kind of system, the scanners find all flaws in the original image, in the slim image those of packages with
// a kept file, with slim's VEX all but the one that it calls harmless, and in slim's bills of materials what they find in the image.
func TestScannersPlanted(t *testing.T) {
	for kind, system := range scannerSystems(t) {
		t.Run(kind, func(t *testing.T) {
			world := buildScanned(t, kind, system)
			for _, name := range scannerNames {
				t.Run(name, func(t *testing.T) { world.check(t, name) })
			}
		})
	}
}

// scanned is an image before and after, in a registry, with what slim wrote of it.
type scanned struct {
	databases      plantedDatabases
	original, slim string // references
	artifacts      string
	result         builder.Result
}

// buildScanned slims a system into a registry, signed, with a claim that the flaw of libpart is in a file that is not kept.
func buildScanned(t *testing.T, kind string, system scannerSystem) *scanned {
	t.Helper()
	host := referrersRegistry(t)
	repository := host + "/apps/scanned-" + kind
	w := &scanned{databases: plant(t, system.flaws()), original: repository + ":1", slim: repository + ":slim",
		artifacts: filepath.Join(t.TempDir(), "artifacts")}
	pushNamed(t, doImage(t, "scanned-"+kind, v1.Config{}, system.entries, "open:/usr/lib/kept.txt", "open:/usr/lib/part.txt",
		"open:/app/node_modules/node-app/index.js", "open:/usr/lib/python3/dist-packages/pyapp/__init__.py"), w.original)
	config := filepath.Join(t.TempDir(), "slim.yaml")
	claim := "not_affected:\n  - {id: CVE-2026-0002, package: libpart, files: [/usr/lib/flaw.txt], reason: the flaw is in that file}\n"
	if err := os.WriteFile(config, []byte(claim), 0o644); err != nil {
		t.Fatal(err)
	}
	private, _, _ := keyFiles(t)
	out := slimEnv(t, []string{keyPassword}, "build", w.original, "--tag", w.slim, "--push", "--sign", private, "--vuln-db",
		w.databases["slim"], "--config", config, "--artifacts", w.artifacts, "--format", "json", "--progress", "plain")
	if out.code != 0 {
		t.Fatalf("slim build: exit code %d\n%s", out.code, tail(out.stderr, 40))
	}
	decode(t, out.stdout, &w.result)
	return w
}

// check compares what a scanner finds.
func (w *scanned) check(t *testing.T, name string) {
	before := w.databases.read(t, name, "registry:"+w.original)
	if diff := cmp.Diff(allFlaws, cves(before.Findings)); diff != "" {
		t.Errorf("original (-want +got):\n%s", diff)
	}
	after := w.databases.read(t, name, "registry:"+w.slim)
	if diff := cmp.Diff(keptFlaws, cves(after.Findings)); diff != "" {
		t.Errorf("slim image (-want +got):\n%s\npackages: %v", diff, after.purls())
	}
	sources := []string{filepath.Join(w.artifacts, "vex.openvex.json")}
	if name == "trivy" {
		sources = append(sources, "oci")
	}
	for _, source := range sources {
		found := w.databases.read(t, name, "registry:"+w.slim, "-vex", source)
		if diff := cmp.Diff([]string{"CVE-2026-0002"}, cves(found.Suppressed)); diff != "" {
			t.Errorf("%s: silenced (-want +got):\n%s", source, diff)
		}
		if diff := cmp.Diff([]string{"CVE-2026-0001", "CVE-2026-0004", "CVE-2026-0005"}, cves(found.Findings)); diff != "" {
			t.Errorf("%s: not silenced (-want +got):\n%s", source, diff)
		}
	}
	for _, document := range []string{"sbom.cyclonedx.json", "sbom.spdx.json"} {
		found := w.databases.read(t, name, "sbom:"+filepath.Join(w.artifacts, document))
		if diff := cmp.Diff(ids(after.Findings), ids(found.Findings)); diff != "" {
			t.Errorf("%s: findings (-image +document):\n%s", document, diff)
		}
		if diff := cmp.Diff(after.purls(), found.purls()); diff != "" {
			t.Errorf("%s: packages (-image +document):\n%s", document, diff)
		}
	}
}

// referrersRegistry is a registry that lists what refers to an image.
func referrersRegistry(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// pushNamed puts an image of the shared layout, "oci:DIR:NAME", into a registry.
func pushNamed(t testing.TB, ref, to string) {
	t.Helper()
	parts := strings.SplitN(ref, ":", 3)
	index, err := layout.ImageIndexFromPath(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	images, err := partial.FindImages(index, match.Name(parts[2]))
	if err != nil || len(images) != 1 {
		t.Fatalf("%s: %d images, %v", ref, len(images), err)
	}
	parsed, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, images[0]); err != nil {
		t.Fatal(err)
	}
}
