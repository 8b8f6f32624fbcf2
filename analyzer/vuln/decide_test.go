package vuln

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadConfig(t *testing.T) {
	config, err := ReadConfig([]byte(`lint: {level: strict}
accept:
  - id: CVE-2024-0001
    package: libthing1
    reason: only root can reach it
    until: 2027-01-31
  - {id: CVE-2024-0009, reason: "because", until: "2026-01-01"}
not_affected:
  - id: CVE-2024-0002
    package: thing
    files: [/usr/lib/*/libbad.so*, badtool]
    reason: the advisory names the plug-in
`), "lint")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Accept: []Acceptance{
			{ID: "CVE-2024-0001", Package: "libthing1", Reason: "only root can reach it", Until: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
				Line: 3},
			{ID: "CVE-2024-0009", Reason: "because", Until: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Line: 7},
		},
		NotAffected: []Claim{{ID: "CVE-2024-0002", Package: "thing", Files: []string{"usr/lib/*/libbad.so*", "badtool"},
			Reason: "the advisory names the plug-in", Line: 9}},
	}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, empty := range []string{"", "# nothing\n", "accept:\n"} {
		if _, err := ReadConfig([]byte(empty)); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func TestReadConfigMistakes(t *testing.T) {
	tests := map[string]string{
		"accept:\n- id: X\n  until: 2027-01-31\n":                "line 2: reason is missing",
		"accept:\n- id: X\n  reason: ' '\n  until: 2027-01-31\n": "line 2: reason is missing",
		"accept:\n- id: X\n  reason: r\n":                        "line 2: until is missing",
		"accept:\n- reason: r\n  until: 2027-01-31\n":            "line 2: id is missing",
		"accept:\n- id: X\n  reason: r\n  until: 2027-02-31\n":   `line 4: until: "2027-02-31" is not a date like 2027-01-31`,
		"accept:\n- id: X\n  reason: r\n  until: soon\n":         `line 4: until: "soon" is not a date like 2027-01-31`,
		"accept:\n- id: X\n  reasons: r\n":                       `line 3: unknown key "reasons"; an accepted risk has id, package`,
		"accept:\n- id: X\n  id: Y\n":                            `line 3: duplicate key "id"`,
		"accept:\n- id: [X]\n":                                   "line 2: one value is expected",
		"accept:\n- X\n":                                         "line 2: keys and values are expected",
		"accept: X\n":                                            "line 1: accept: a list is expected",
		"ignore: []\n":                                           `line 1: unknown key "ignore"; there are accept and not_affected`,
		"- a\n":                                                  "line 1: keys and values are expected",
		"accept:\n\t- a\n":                                       "line 2: found character",
		"not_affected:\n- {id: X, package: p, reason: r}\n":      "line 2: files is missing",
		"not_affected:\n- id: X\n  package: p\n  reason: r\n  files:\n  - ok\n  - '[a'\n":    `line 7: files: bad pattern "[a"`,
		"not_affected:\n- {id: X, files: [a], reason: r}\n":                                  "line 2: package is missing",
		"not_affected:\n- {id: X, files: [a], package: p}\n":                                 "line 2: reason is missing",
		"not_affected:\n- {id: X, files: [a], package: p, reason: r, until: 2026-01-01}\n":   `line 2: unknown key "until"`,
		"accept:\n- id: X\n  reason: " + strings.Repeat("a", 5000) + "\n  until: 2027-01-31": "line 3: a value of more than 4000 bytes",
	}
	for text, want := range tests {
		if _, err := ReadConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add([]byte("accept:\n- {id: X, reason: r, until: 2027-01-31}\nnot_affected:\n- {id: X, package: p, files: ['*'], reason: r}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := ReadConfig(data)
		if err == nil {
			Decide([]Finding{{ID: "X", Package: Package{Name: "p"}}}, Facts{Config: config})
		}
	})
}

func date(text string) time.Time {
	at, err := time.Parse(day, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestDecide(t *testing.T) {
	config := &Config{
		Accept: []Acceptance{
			{ID: "cve-1", Reason: "behind a proxy", Until: date("2026-11-24"), Line: 1},
			{ID: "DSA-2", Package: "pkg:deb/debian/b", Reason: "rare", Until: date("2027-01-01"), Line: 2},
			{ID: "CVE-3", Reason: "old", Until: date("2026-11-23"), Line: 3},
			{ID: "CVE-4", Package: "other", Reason: "r", Until: date("2027-01-01"), Line: 4},
		},
		NotAffected: []Claim{
			{ID: "CVE-5", Package: "src", Files: []string{"usr/bin/bad"}, Reason: "advisory", Line: 5},
			{ID: "CVE-6", Package: "f", Files: []string{"*.so"}, Reason: "advisory", Line: 6},
			{ID: "CVE-7", Package: "g", Files: []string{"typo"}, Reason: "advisory", Line: 7},
			{ID: "CVE-9", Package: "x", Files: []string{"y"}, Reason: "advisory", Line: 8},
		},
	}
	original := []string{"usr/bin/bad", "usr/bin/good", "usr/lib/f.so"}
	slim := original[1:]
	facts := Facts{
		Config: config, Today: date("2026-11-24").Add(23 * time.Hour),
		Kept:   func(glob string) []string { return Match(slim, glob) },
		Before: func(glob string) []string { return Match(original, glob) },
	}
	findings := []Finding{
		{ID: "CVE-1", Package: Package{Name: "a"}},
		{ID: "CVE-2", Aliases: []string{"DSA-2"}, Package: Package{Name: "b", Purl: "pkg:deb/debian/b@1?arch=amd64"}, Fixed: "2"},
		{ID: "CVE-3", Package: Package{Name: "c"}},
		{ID: "CVE-4", Package: Package{Name: "d"}},
		{ID: "CVE-5", Package: Package{Name: "e", SourceName: "src", Files: []string{"usr/bin/good"}}, Fixed: "3"},
		{ID: "CVE-5", Package: Package{Name: "e2", SourceName: "src", Files: []string{"usr/bin/good"}}},
		{ID: "CVE-6", Package: Package{Name: "f"}},
		{ID: "CVE-7", Package: Package{Name: "g"}},
	}
	decisions, notes := Decide(findings, facts)
	evidence := "the image has none of the vulnerable files usr/bin/bad (the original has 1); of e it has usr/bin/good; named by the " +
		"configuration because: advisory; copies under other names were not searched for"
	want := []struct {
		advice Advice
		open   bool
		text   string
	}{
		{Accepted, false, "accepted until 2026-11-24: behind a proxy"},
		{Update, false, "update b to 2; accepted until 2027-01-01: rare"},
		{Affected, true, "affected, no update is known"},
		{Affected, true, "affected, no update is known"},
		{Update, false, "update src to 3; not affected: " + evidence},
		{NotAffected, false, "not affected: " + strings.Replace(evidence, "of e it", "of e2 it", 1)},
		{Affected, true, "affected, no update is known"},
		{Affected, true, "affected, no update is known"},
	}
	for i, d := range decisions {
		if d.Advice != want[i].advice || d.Open() != want[i].open || d.Text != want[i].text {
			t.Errorf("%d: %s, open %t: %s", i, d.Advice, d.Open(), d.Text)
		}
	}
	wantNotes := []string{
		"line 6: CVE-6 in f is not shown to be harmless: usr/lib/f.so is in the image",
		"line 7: CVE-7 in g is not shown to be harmless: typo is not in the original image either",
		"line 3: the acceptance of CVE-3 expired on 2026-11-23",
		"line 4: CVE-4 is accepted, but was not found",
		"line 8: CVE-9 in x was not found",
	}
	if diff := cmp.Diff(wantNotes, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	blind, notes := Decide(findings[4:5], Facts{Config: &Config{NotAffected: config.NotAffected[:1]}})
	if len(blind) != 1 || blind[0].Evidence != "" && len(findings[4].Package.Files) == 0 {
		t.Errorf("%+v, %v", blind, notes)
	}
	blind, notes = Decide([]Finding{{ID: "CVE-5", Package: Package{Name: "src"}}}, Facts{Config: &Config{NotAffected: config.NotAffected[:1]}})
	if !blind[0].Open() || len(notes) != 1 || !strings.Contains(notes[0], "not known") {
		t.Errorf("a claim counts although no files are known: %+v, %v", blind, notes)
	}
}

// TestClaimOfAlias is a claim whose path leads through a link: without the original image any file of that name contradicts it.
func TestClaimOfAlias(t *testing.T) {
	files := []string{"usr/lib/libbad.so"}
	match := func(glob string) []string { return Match(files, glob) }
	config := &Config{NotAffected: []Claim{{ID: "CVE-1", Package: "p", Files: []string{"lib/libbad.so"}, Reason: "r"}}}
	for _, facts := range []Facts{{Config: config, Kept: match}, {Config: config, Kept: match, Before: match}} {
		decisions, notes := Decide([]Finding{{ID: "CVE-1", Package: Package{Name: "p"}}}, facts)
		if !decisions[0].Open() || len(notes) != 1 {
			t.Errorf("%+v, %q", decisions, notes)
		}
	}
}

// TestBecame is what became of the findings of an original in the image made of it.
func TestBecame(t *testing.T) {
	pkg := func(name, version string, files ...string) Package {
		purl := "pkg:deb/debian/" + name + "@" + version + "?arch=amd64"
		return Package{Ecosystem: "Debian:12", Name: name, Version: version, Purl: purl, Files: files}
	}
	before := []Package{pkg("a", "1", "a1"), pkg("b", "1", "b1"), pkg("c", "1", "c1"), pkg("two", "1", "t1"), pkg("two", "2", "t2"),
		pkg("worse", "1", "w"), pkg("left", "1", "l1", "l2"), pkg("odd", "1", "o"), pkg("none", "1"),
		pkg("doc", "1", "usr/share/doc/doc/copyright", "usr/bin/doc")}
	image := Subject{
		Packages: []Package{pkg("a", "2", "a1"), pkg("c", "1", "c1"), pkg("two", "2", "t2"), pkg("worse", "2", "w"), pkg("odd", "x", "o"),
			pkg("d", "1"), {Ecosystem: "PyPI", Name: "b", Version: "1"}},
		Files: []string{"a1", "c1", "t2", "w", "l2", "o", "usr/share/doc/doc/copyright"},
	}
	is := func(name string) Package {
		for _, pkg := range image.Packages {
			if pkg.Name == name {
				return pkg
			}
		}
		return Package{}
	}
	var had []Finding
	for _, pkg := range before {
		had = append(had, Finding{ID: "CVE-1", Package: pkg})
	}
	has := &Result{Findings: []Finding{{ID: "CVE-1", Package: is("c")}, {ID: "CVE-1", Package: is("two")}, {ID: "CVE-1", Package: is("worse")},
		{ID: "CVE-1", Package: is("d")}}, doubts: map[[2]string]bool{{pkg("odd", "x").Purl, "CVE-1"}: true}}
	describe := func(image Subject) string {
		report := &Report{}
		report.compare(newChanges(image, before, has), has.Findings, had, Facts{})
		var lines []string
		for _, d := range report.All() {
			line := fmt.Sprintf("%s %s %s", d.Finding.Package.Name, d.Finding.Package.Version, d.State)
			if !d.Before {
				line += " new"
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		return strings.Join(append(lines, report.Notes...), "\n")
	}
	want := strings.Join([]string{"a 1 updated", "b 1 removed", "c 1 open", "d 1 open new", "doc 1 removed",
		"left 1 open", "none 1 removed", "odd x open",
		"two 1 removed", "two 2 open", "worse 2 open", "left 1 is not in the list of packages, but the image has l2 of it"}, "\n")
	if diff := cmp.Diff(want, describe(image)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	image.Incomplete = []string{"cut"}
	want = strings.Replace(want, "none 1 removed", "none 1 open", 1) +
		"\nnone 1 may be in the image: its list of packages is incomplete, and no file of the package is known"
	if diff := cmp.Diff(want, describe(image)); diff != "" {
		t.Errorf("incomplete (-want +got):\n%s", diff)
	}
}
