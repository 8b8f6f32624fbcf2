package vuln

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/gosymbols"
)

// goDatabase has records of Go: by file, the name, the aliases and the imports as JSON.
func goDatabase(t *testing.T, records [][3]string) *Database {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	if err := os.MkdirAll(filepath.Join(dir, "Go"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "Go", "all.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	archive := zip.NewWriter(f)
	for i, r := range records {
		w, err := archive.Create(fmt.Sprint(i, ".json"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, `{"id": %q, "aliases": [%q], "modified": "2026-11-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Go", "name": "m"},
"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}], "ecosystem_specific": %s}]}`, r[0], r[1], r[2])
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestSymbols is which findings of Go modules are asked about, and which answers are evidence.
func TestSymbols(t *testing.T) {
	const imports = `{"imports": [{"path": "m/p", "symbols": ["F", "T.M"]}]}`
	db := goDatabase(t, [][3]string{
		{"GO-1", "CVE-1", imports}, {"GHSA-1", "CVE-1", `{}`}, // both about one: only the first can name functions
		{"GO-2", "CVE-2", imports}, {"GO-3", "CVE-2", `{}`}, // the second is about all
		{"GHSA-4", "CVE-4", imports},
		{"GO-5", "CVE-5", `{"imports": [{"path": "m/q"}]}`},
		{"GO-6", "CVE-6", `{"imports": "x"}`},
		{"GO-7", "CVE-7", `{"imports": [{"path": ""}, {"path": "m/p", "symbols": ["F"]}]}`},
		{"GO-8", "CVE-8", `{"imports": [{"path": "m/p", "symbols": ["G"]}]}`}, {"GO-9", "CVE-8", `{"imports": [{"path": "m/r"}]}`},
	})
	image := Subject{Packages: []Package{{Ecosystem: "Go", Name: "m", Version: "1.0.0", Purl: "pkg:golang/m@1.0.0",
		Locations: []string{"bin/a", "bin/b"}}}}
	states := func(answer func(q gosymbols.Question) gosymbols.Answer) (string, *Report) {
		facts := Facts{Symbols: func(_ context.Context, questions []gosymbols.Question) ([]gosymbols.Answer, error) {
			var list []gosymbols.Answer
			for _, q := range questions {
				list = append(list, answer(q))
			}
			return list, nil
		}}
		report, err := Review(t.Context(), db, image, nil, facts)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, d := range report.Decisions {
			list = append(list, d.Finding.ID+" "+string(d.State))
		}
		return strings.Join(list, ", "), report
	}
	asked := map[string]bool{}
	got, report := states(func(q gosymbols.Question) gosymbols.Answer {
		asked[fmt.Sprint(q)] = true
		return gosymbols.Answer{Names: 1000}
	})
	want := "CVE-1 not affected, CVE-2 open, CVE-4 open, CVE-5 not affected, CVE-6 open, CVE-7 open, CVE-8 not affected"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(asked) != 6 || !asked["{bin/b m [{m/p [F T.M]}]}"] {
		t.Errorf("asked %v", asked)
	}
	evidence := "bin/a, bin/b have none of the functions that the advisory names: m/p.F, m/p.T.M; read from the table for stack traces, " +
		"2000 names with those of inlined functions"
	if diff := cmp.Diff(evidence, report.Decisions[0].Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	for name, answer := range map[string]gosymbols.Answer{"found": {Names: 1, Found: "m/p.F"}, "doubt": {Names: 1, Doubt: "x"}, "empty": {}} {
		got, _ := states(func(q gosymbols.Question) gosymbols.Answer {
			if q.Program == "bin/b" {
				return answer
			}
			return gosymbols.Answer{Names: 1000}
		})
		if strings.Contains(got, "not affected") {
			t.Errorf("%s in one of two programs: %s", name, got)
		}
	}
	image.Packages[0].Locations = nil
	got, _ = states(func(gosymbols.Question) gosymbols.Answer { return gosymbols.Answer{Names: 1} })
	if strings.Contains(got, "not affected") {
		t.Errorf("without programs: %s", got)
	}
}
