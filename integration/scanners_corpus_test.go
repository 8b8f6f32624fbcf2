//go:build e2e && scanners

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gobinary"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagejson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemspec"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// scannedVariable names a directory with results of slim, one directory for each image:
//
//	slim build REF --output type=oci,tar=false,dest=DIR/NAME/slim --artifacts DIR/NAME/artifacts --format json >DIR/NAME/result.json
//	skopeo copy docker-daemon:REF oci:DIR/NAME/original
const scannedVariable = "SLIM_SCANNED"

// scalibrPurls are the packages that osv-scalibr finds below a directory.
func scalibrPurls(t testing.TB, root string) []string {
	t.Helper()
	readers := append(slices.Clone(systemExtractors), gobinary.New, archive.New, packagejson.New, wheelegg.New, gemspec.New)
	set := map[string]bool{}
	for _, pkg := range scalibr(t, root, readers...).Packages {
		if p := pkg.PURL(); p != nil {
			set[purlIdentity(p.String())] = true
		}
	}
	delete(set, "")
	return slices.Sorted(maps.Keys(set))
}

// billPurls are the packages of a bill of materials of slim in CycloneDX.
func billPurls(t testing.TB, name string) []string {
	t.Helper()
	var bom struct{ Components []struct{ Purl string } }
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &bom); err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, c := range bom.Components {
		set[purlIdentity(c.Purl)] = true
	}
	delete(set, "")
	return slices.Sorted(maps.Keys(set))
}

// exception is an expected difference: a reader does not find, or finds alone, the packages that a glob of path.Match matches, and why.
type exception struct {
	reader string // "" for every one
	glob   string // of a package URL without qualifiers, with | for /
	why    string
}

// exceptions are the differences that are not slim's fault, or that no reader can decide.
var exceptions = []exception{
	{"trivy", "pkg:maven|*|*", "it names a jar without pom.properties only by its hash, with a database that it downloads"},
	{"osv-scalibr", "pkg:maven|*|*", "a jar without pom.properties: it guesses in another way, by the name of the file"},
	{"grype", "pkg:maven|*|bootstrap@*", "a jar without pom.properties: Syft takes its main class for the group"},
}

// unexplained returns the lines of a difference that no exception covers.
func unexplained(reader string, want, got []string) (list []string) {
	for _, side := range []struct {
		sign       string
		from, less []string
	}{{"-", want, got}, {"+", got, want}} {
		for _, purl := range side.from {
			if !slices.Contains(side.less, purl) && !slices.ContainsFunc(exceptions, func(e exception) bool {
				ok, _ := path.Match(e.glob, strings.ReplaceAll(purl, "/", "|"))
				return ok && (e.reader == "" || e.reader == reader)
			}) {
				list = append(list, side.sign+purl)
			}
		}
	}
	return list
}

// kinds counts packages by their type, "deb 14, pypi 3".
func kinds(purls []string) string {
	counts := map[string]int{}
	for _, purl := range purls {
		kind, _, _ := strings.Cut(strings.TrimPrefix(purl, "pkg:"), "/")
		counts[kind]++
	}
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	return strings.Join(list, ", ")
}

// TestScannersCorpus: the packages of which slim keeps a file are those that each reader finds in the slim image, and those that the
// scanners read from slim's bills of materials.
func TestScannersCorpus(t *testing.T) {
	top := os.Getenv(scannedVariable)
	if top == "" {
		t.Skip("no " + scannedVariable)
	}
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) { checkScanned(t, filepath.Join(top, entry.Name())) })
	}
}

// planFlaws are a flaw of a package of which the slim image keeps files, and one of a package of which it keeps none. Debian's advisories
// are about source packages: those here are named like their only binary package.
func planFlaws(t *testing.T, plan *analyzer.Plan) []advisory {
	t.Helper()
	kept := func(name string) bool {
		return slices.ContainsFunc(plan.Packages, func(p analyzer.Package) bool { return p.Name == name })
	}
	dropped := func(name string) bool {
		return !kept(name) && slices.ContainsFunc(plan.Dropped, func(d analyzer.Dropped) bool { return d.Package == name })
	}
	flaws := []advisory{{"CVE-2026-0001", "Debian:12", "", "99:1"}, {"CVE-2026-0002", "Debian:12", "", "99:1"}}
	for i, is := range []func(string) bool{kept, dropped} {
		names := []string{"base-files", "netbase", "tzdata", "mawk", "hostname", "findutils", "gzip", "sed", "tar"}
		at := slices.IndexFunc(names, is)
		if at < 0 {
			t.Fatalf("of %q none is kept, or none is dropped", names)
		}
		flaws[i].Package = names[at]
	}
	return flaws
}

func checkScanned(t *testing.T, dir string) {
	var result builder.Result
	decode(t, string(mustRead(t, filepath.Join(dir, "result.json"))), &result)
	want := billPurls(t, filepath.Join(dir, "artifacts", "sbom.cyclonedx.json"))
	var kept []string
	for _, pkg := range result.Plan.Packages {
		kept = append(kept, pkg.Name)
	}
	layout := filepath.Join(dir, "slim")
	found := map[string][]string{"osv-scalibr": scalibrPurls(t, unpack(t, readLayout(t, layout)))}
	flaws := planFlaws(t, result.Plan)
	databases := plant(t, flaws)
	for name, target := range map[string]string{"trivy": "archive:" + layout, "grype": "oci-dir:" + layout} {
		image := databases.read(t, name, target)
		found[name] = image.purls()
		if diff := cmp.Diff([]string{flaws[0].ID}, cves(image.Findings)); diff != "" {
			t.Errorf("%s finds in the slim image (-want +got):\n%s", name, diff)
		}
		original := databases.read(t, name, strings.Replace(target, layout, filepath.Join(dir, "original"), 1))
		if diff := cmp.Diff([]string{flaws[0].ID, flaws[1].ID}, cves(original.Findings)); diff != "" {
			t.Errorf("%s finds in the original (-want +got):\n%s", name, diff)
		}
		for _, document := range []string{"sbom.cyclonedx.json", "sbom.spdx.json"} {
			read := databases.read(t, name, "sbom:"+filepath.Join(dir, "artifacts", document))
			if diff := cmp.Diff(want, read.purls()); diff != "" {
				t.Errorf("%s reads %s (-slim +read):\n%s", name, document, diff)
			}
		}
	}
	t.Logf("%d packages of the distribution in the plan; slim: %s", len(kept), kinds(want))
	for _, name := range []string{"osv-scalibr", "grype", "trivy"} {
		t.Logf("%s: %s", name, kinds(found[name]))
		if list := unexplained(name, want, found[name]); len(list) > 0 {
			t.Errorf("%s (-slim +read):\n%s", name, strings.Join(list, "\n"))
		}
	}
}
