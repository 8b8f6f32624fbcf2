package html

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/vex"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/cmd/slim/report"
)

// randomRecords are names and purls of a few packages.
var randomPurls = []string{"pkg:deb/debian/alpha@%d?arch=amd64&distro=debian-12", "pkg:deb/debian/alpha@%d?arch=i386&distro=debian-12",
	"pkg:deb/debian/beta@%d?arch=amd64&distro=debian-12", "pkg:npm/gamma@%d.0.0", "pkg:pypi/delta@%d.0.0", "pkg:golang/example.com/eps@%d.0.0",
	"pkg:generic/zeta@%d"}

var randomNames = [][2]string{{"Debian:12", "alpha"}, {"Debian:12", "beta"}, {"npm", "gamma"}, {"PyPI", "delta"}, {"Go", "example.com/eps"}}

// randomDatabase has records about them: of some versions, of all, about several vulnerabilities, under other names.
func randomDatabase(t *testing.T, r *rand.Rand) *vuln.Database {
	t.Helper()
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for i := range 12 {
		name := randomNames[r.IntN(len(randomNames))]
		last := fmt.Sprintf(`, {"fixed": "%d"}`, 1+r.IntN(5))
		if name[0] != "Debian:12" {
			last = fmt.Sprintf(`, {"fixed": "%d.0.0"}`, 1+r.IntN(5))
		}
		if r.IntN(3) == 0 {
			last = ""
		}
		w, err := archive.Create(fmt.Sprintf("R-%d.json", i))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, `{"id": "R-%d", "aliases": ["CVE-%d"], "modified": "2026-11-01T00:00:00Z", "details": "planted",
 "affected": [{"package": {"ecosystem": %q, "name": %q}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}%s]}]}]}`,
			i, r.IntN(6), name[0], name[1], last)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "all"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "all", "all.zip"), buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := vuln.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// randomImages are an original and the image made of it: packages that stay, change, go, come, are there twice, or leave files behind.
func randomImages(t *testing.T, r *rand.Rand) (image, before vuln.Subject) {
	t.Helper()
	add := func(s *vuln.Subject, purl string, files ...string) {
		pkg, err := vuln.FromPurl(purl)
		if err != nil {
			t.Fatal(err)
		}
		pkg.Files = files
		s.Packages, s.Files = append(s.Packages, pkg), append(s.Files, files...)
	}
	for i := range 14 {
		pattern := randomPurls[r.IntN(len(randomPurls))]
		version, file := 1+r.IntN(4), fmt.Sprintf("usr/lib/%d", i)
		purl, newer := fmt.Sprintf(pattern, version), fmt.Sprintf(pattern, version+1)
		if r.IntN(8) > 0 {
			add(&before, purl, file)
		}
		switch r.IntN(6) {
		case 0, 1:
			add(&image, purl, file)
		case 2:
			add(&image, newer, file)
		case 3:
			if r.IntN(3) == 0 {
				image.Files = append(image.Files, file)
			}
		}
	}
	for _, s := range []*vuln.Subject{&image, &before} {
		slices.Sort(s.Files)
		s.Files = slices.Compact(s.Files)
	}
	if r.IntN(6) == 0 {
		image.Incomplete = []string{"cut short"}
	}
	return image, before
}

// randomFacts accept some risks and claim that some code is not there.
func randomFacts(r *rand.Rand) vuln.Facts {
	facts := vuln.Facts{Today: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), Config: &vuln.Config{}}
	for i := range 4 {
		facts.Config.Accept = append(facts.Config.Accept, vuln.Acceptance{ID: fmt.Sprintf("CVE-%d", r.IntN(6)), Reason: "r", Line: i,
			Until: facts.Today.AddDate(0, 0, r.IntN(3)-1)})
		facts.Config.NotAffected = append(facts.Config.NotAffected, vuln.Claim{ID: fmt.Sprintf("CVE-%d", r.IntN(6)), Line: 10 + i, Reason: "r",
			Package: randomNames[r.IntN(len(randomNames))][1], Files: []string{fmt.Sprintf("usr/lib/%d", r.IntN(14))}})
	}
	return facts
}

// TestOneDecision makes every view of random reports: each finding of the original and of the image has exactly one decision, and every
// view shows that one.
func TestOneDecision(t *testing.T) {
	seen := map[vuln.State]int{}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		db, facts := randomDatabase(t, r), randomFacts(r)
		image, before := randomImages(t, r)
		scan, err := vuln.Review(t.Context(), db, image, &before, facts)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, d := range scan.All() {
			key := d.Finding.ID + " " + d.Finding.Package.Purl
			if old, ok := want[key]; ok {
				t.Errorf("seed %d: %s is %s and %s", seed, key, old, d.State)
			}
			want[key] = string(d.State)
			seen[d.State]++
		}
		checkComplete(t, seed, db, scan, image, before)
		for view, got := range map[string]map[string]string{
			"scan.json": decidedJSON(t, scan), "SARIF": decidedSARIF(t, scan), "page": decidedPage(scan),
			"comparison": decidedComparison(scan, want)} {
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: %s (-decided +shown):\n%s", seed, view, diff)
			}
		}
		checkVEX(t, seed, scan)
		checkTexts(t, seed, scan)
	}
	for _, state := range vuln.States {
		if seen[state] < 30 {
			t.Errorf("only %d findings are %s: the test shows too little", seen[state], state)
		}
	}
}

// checkComplete compares the decisions with what the database says of both images.
func checkComplete(t *testing.T, seed uint64, db *vuln.Database, scan *vuln.Report, image, before vuln.Subject) {
	t.Helper()
	after, err := vuln.Scan(t.Context(), db, image.Packages)
	if err != nil {
		t.Fatal(err)
	}
	was, err := vuln.Scan(t.Context(), db, before.Packages)
	if err != nil {
		t.Fatal(err)
	}
	listed, has, decided := map[string]bool{}, map[string]bool{}, map[string]vuln.Decision{}
	for _, pkg := range image.Packages {
		listed[pkg.Purl] = true
	}
	for _, d := range scan.All() {
		decided[d.Finding.ID+" "+d.Finding.Package.Purl] = d
	}
	for _, f := range after {
		has[f.ID+" "+f.Package.Purl] = true
		if d, ok := decided[f.ID+" "+f.Package.Purl]; !ok || !d.Present() {
			t.Errorf("seed %d: the image has %s of %s, which is %q", seed, f.ID, f.Package.Purl, d.State)
		}
	}
	for _, f := range was {
		d, ok := decided[f.ID+" "+f.Package.Purl]
		switch {
		case ok && !d.Before:
			t.Errorf("seed %d: the original has %s of %s, which is new", seed, f.ID, f.Package.Purl)
		case d.State == vuln.StateRemoved && (listed[f.Package.Purl] || slices.ContainsFunc(f.Package.Files,
			func(name string) bool { return slices.Contains(image.Files, name) && !owned(image, name) })):
			t.Errorf("seed %d: %s is removed, but the image has %s or files of it", seed, f.ID, f.Package.Purl)
		case d.State == vuln.StateUpdated && (!listed[d.Now.Purl] || d.Now.Name != f.Package.Name || has[f.ID+" "+d.Now.Purl]):
			t.Errorf("seed %d: %s of %s is updated to %s", seed, f.ID, f.Package.Purl, d.Now.Purl)
		case !ok && !slices.ContainsFunc(scan.Decisions, func(d vuln.Decision) bool {
			return d.Before && d.Finding.ID == f.ID && d.Finding.Package.Name == f.Package.Name
		}):
			t.Errorf("seed %d: no decision about %s of %s", seed, f.ID, f.Package.Purl)
		}
	}
}

func owned(image vuln.Subject, name string) bool {
	return slices.ContainsFunc(image.Packages, func(pkg vuln.Package) bool { return slices.Contains(pkg.Files, name) })
}

func decidedJSON(t *testing.T, scan *vuln.Report) map[string]string {
	t.Helper()
	data, err := json.Marshal(scan)
	if err != nil {
		t.Fatal(err)
	}
	type decision struct {
		Finding struct {
			ID      string
			Package struct{ Purl string }
		}
		State string
	}
	var doc struct{ Decisions, Gone []decision }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range append(doc.Decisions, doc.Gone...) {
		got[d.Finding.ID+" "+d.Finding.Package.Purl] = d.State
	}
	return got
}

// decidedSARIF reads the decisions from kinds, levels and suppressions, as a reader that knows nothing of slim does, and compares them with
// the property.
func decidedSARIF(t *testing.T, scan *vuln.Report) map[string]string {
	t.Helper()
	data, err := vuln.SARIF(scan, "app", "")
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID, Kind, Level string
				Locations           []struct {
					LogicalLocations []struct{ FullyQualifiedName string }
				}
				PartialFingerprints map[string]string
				Suppressions        []struct{ Justification string }
				Properties          struct{ Decision string }
			}
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	got, prints := map[string]string{}, map[string]bool{}
	for _, result := range log.Runs[0].Results {
		state := result.Properties.Decision
		kind := map[string]string{"removed": "notApplicable", "updated": "pass"}[state]
		if result.Kind != kind || (result.Level == "none") != (kind != "") || (len(result.Suppressions) == 0) != (state == "open") {
			t.Errorf("SARIF: %+v", result)
		}
		if print := result.PartialFingerprints["slimFinding/v1"]; prints[print] {
			t.Errorf("SARIF: two results have the fingerprint %s", print)
		} else {
			prints[print] = true
		}
		got[result.RuleID+" "+result.Locations[0].LogicalLocations[0].FullyQualifiedName] = state
	}
	return got
}

// decidedPage reads the rows of the page's table; they have a package's name and version, which the purl is looked up by.
func decidedPage(scan *vuln.Report) map[string]string {
	got := map[string]string{}
	all := scan.All()
	findings := report.FindingsOf(scan, nil)
	rows := findingsSection(findings).Tables[0].Rows
	for i, x := range findings.Sorted() {
		at := slices.IndexFunc(all, func(d vuln.Decision) bool {
			_, done := got[d.Finding.ID+" "+d.Finding.Package.Purl]
			return !done && d.Finding.ID == x.ID && d.Finding.Package.Name == x.Package && d.Finding.Package.Version == x.Version &&
				string(d.State) == rows[i][4].Text
		})
		if at < 0 {
			got[x.ID+" "+x.Package] = rows[i][4].Text
			continue
		}
		got[x.ID+" "+all[at].Finding.Package.Purl] = rows[i][4].Text
	}
	return got
}

// decidedComparison reads the older form, which tells removed and updated only.
func decidedComparison(scan *vuln.Report, want map[string]string) map[string]string {
	got := map[string]string{}
	for _, f := range scan.Comparison.Removed {
		got[f.ID+" "+f.Package.Purl] = "removed"
	}
	for _, c := range scan.Comparison.Fixed {
		got[c.Finding.ID+" "+c.Finding.Package.Purl] = "updated"
	}
	for _, f := range append(scan.Comparison.Remaining, scan.Comparison.New...) {
		got[f.ID+" "+f.Package.Purl] = want[f.ID+" "+f.Package.Purl]
	}
	return got
}

// checkVEX compares both documents with the decisions: the same statement about each finding but the removed ones, and only not affected
// and updated ones silence anything.
func checkVEX(t *testing.T, seed uint64, scan *vuln.Report) {
	t.Helper()
	want := map[string]string{}
	for _, d := range scan.All() {
		switch d.State {
		case vuln.StateRemoved:
		case vuln.StateUpdated:
			want[d.Finding.ID+" "+d.Now.Purl] = "updated silent"
		case vuln.StateNotAffected:
			want[d.Finding.ID+" "+d.Finding.Package.Purl] = "not affected silent"
		default:
			want[d.Finding.ID+" "+d.Finding.Package.Purl] = string(d.State)
		}
	}
	product := vex.Product{Repository: "app", Digest: "sha256:" + strings.Repeat("1", 64)}
	options := vex.Options{Removed: vex.Removed(scan)}
	open, err := vex.OpenVEX(vex.Statements(scan), product, options)
	if err != nil {
		t.Fatal(err)
	}
	cyclone, err := vex.CycloneDX(vex.Statements(scan), product, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, decidedOpenVEX(t, open)); diff != "" {
		t.Fatalf("seed %d: OpenVEX (-decided +shown):\n%s", seed, diff)
	}
	got, removed := decidedCycloneDX(t, cyclone)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("seed %d: CycloneDX (-decided +shown):\n%s", seed, diff)
	}
	if removed != scan.Count(vuln.StateRemoved) {
		t.Errorf("seed %d: CycloneDX lists %d removed findings, want %d", seed, removed, scan.Count(vuln.StateRemoved))
	}
}

func decidedOpenVEX(t *testing.T, data []byte) map[string]string {
	t.Helper()
	var doc struct {
		Statements []struct {
			Vulnerability struct{ Name string }
			Products      []struct {
				Subcomponents []struct {
					ID string `json:"@id"`
				}
			}
			Status string
			Notes  string `json:"status_notes"`
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range doc.Statements {
		text := strings.TrimPrefix(s.Notes, "decision: ")
		if s.Status == "not_affected" || s.Status == "fixed" {
			text += " silent"
		}
		key := s.Vulnerability.Name + " " + s.Products[0].Subcomponents[0].ID
		if old, ok := got[key]; ok && old != text {
			t.Errorf("OpenVEX: %s is %s and %s", key, old, text)
		}
		got[key] = text
	}
	return got
}

func decidedCycloneDX(t *testing.T, data []byte) (got map[string]string, removed int) {
	t.Helper()
	type property struct{ Name, Value string }
	var doc struct {
		Metadata        struct{ Properties []property }
		Vulnerabilities []struct {
			ID         string
			Analysis   struct{ State string }
			Affects    []struct{ Ref string }
			Properties []property
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	got = map[string]string{}
	for _, v := range doc.Vulnerabilities {
		text := v.Properties[1].Value
		if v.Analysis.State == "not_affected" || v.Analysis.State == "resolved" {
			text += " silent"
		}
		got[v.ID+" "+v.Affects[0].Ref] = text
	}
	for _, p := range doc.Metadata.Properties {
		if p.Name == "slim:removed" {
			removed++
		}
	}
	return got, removed
}

var stateWord = regexp.MustCompile(`(\d+) (removed|updated|not affected|accepted|open)`)

// checkTexts compares the counts and the open findings of the texts with the decisions.
func checkTexts(t *testing.T, seed uint64, scan *vuln.Report) {
	t.Helper()
	want := map[string]string{}
	var open []string
	for _, state := range vuln.States {
		want[string(state)] = fmt.Sprint(scan.Count(state))
	}
	for _, d := range scan.Decisions {
		if d.State == vuln.StateOpen {
			open = append(open, d.Finding.ID+" "+d.Finding.Package.Name)
		}
	}
	summary, table := report.Scanned(scan), report.ScanTable(scan)
	result := testResult()
	result.Scan = scan
	markdown := report.Markdown(report.Job{Image: "app", Result: result})
	_, row, _ := strings.Cut(markdown, "| Vulnerabilities | ")
	row, _, _ = strings.Cut(row, "\n")
	for view, text := range map[string]string{"summary": summary[0], "table": table[len(table)-1], "Markdown": row} {
		got := map[string]string{}
		for _, m := range stateWord.FindAllStringSubmatch(text, -1) {
			got[m[2]] = m[1]
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s (-decided +shown):\n%s", seed, view, diff)
		}
	}
	var shown []string
	for _, line := range table {
		if fields := strings.Fields(line); fields[0] == "open" {
			at := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, "CVE-") })
			shown = append(shown, fields[at]+" "+fields[at+1])
		}
	}
	if diff := gocmp.Diff(open, shown); diff != "" {
		t.Fatalf("seed %d: open findings (-decided +shown):\n%s", seed, diff)
	}
	if got, want := strings.Count(markdown, "| <code>CVE-"), min(len(open), 20); got != want {
		t.Errorf("seed %d: Markdown lists %d open findings, want %d", seed, got, want)
	}
}
