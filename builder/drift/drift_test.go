package drift

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/vuln"
)

func finding(id, purl, fixed string) vuln.Decision {
	pkg, err := vuln.FromPurl(purl)
	if err != nil {
		panic(err)
	}
	return vuln.Decision{Finding: vuln.Finding{ID: id, Package: pkg, Fixed: fixed, Severity: vuln.High}, State: vuln.StateOpen}
}

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

const (
	deb = "pkg:deb/debian/liba@1?arch=amd64&distro=debian-12"
	npm = "pkg:npm/b@1"
)

// TestNew checks what makes a rebuild, and what only a decision.
func TestNew(t *testing.T) {
	scan := func(list ...vuln.Decision) *vuln.Report { return &vuln.Report{Packages: 2, Decisions: list} }
	accepted := finding("CVE-5", deb, "")
	accepted.State = vuln.StateAccepted
	for _, test := range []struct {
		name         string
		in           Input
		rebuild, due bool
	}{
		{name: "nothing"},
		{name: "base is the same", in: Input{Bases: []Base{{Reference: "a"}}}},
		{name: "base moved", in: Input{Bases: []Base{{Reference: "a"}, {Reference: "b", Moved: true}}}, rebuild: true},
		{name: "newer package", in: Input{Scan: scan(finding("CVE-1", deb, "2"))}, rebuild: true},
		{name: "newer language package", in: Input{Scan: scan(finding("CVE-1", npm, "2"))}, due: true},
		{name: "nothing newer, nobody asked", in: Input{Scan: scan(finding("CVE-1", deb, ""))}},
		{name: "nothing newer, new", in: Input{Scan: scan(finding("CVE-1", deb, "")), Since: scan()}, due: true},
		{name: "nothing newer, known", in: Input{Scan: scan(finding("CVE-1", deb, "")), Since: scan(finding("CVE-1", deb, ""))}},
		{name: "accepted", in: Input{Scan: scan(accepted)}},
		{name: "both", in: Input{Scan: scan(finding("CVE-1", deb, "2"), finding("CVE-2", npm, "2"))}, rebuild: true, due: true},
	} {
		got := New(test.in)
		if got.Rebuild != test.rebuild || got.Due != test.due {
			t.Errorf("%s: rebuild %v, due %v, want %v, %v", test.name, got.Rebuild, got.Due, test.rebuild, test.due)
		}
	}
}

// TestRisks checks the days around the end of an accepted risk.
func TestRisks(t *testing.T) {
	config := &vuln.Config{Accept: []vuln.Acceptance{{ID: "CVE-1", Until: day("2026-11-30")}}}
	for _, test := range []struct {
		today  string
		within int
		want   string // "", "ends" or "expired"
	}{
		{"2026-11-30", 0, ""}, {"2026-12-01", 0, "expired"}, {"2026-11-30", 1, "ends"}, {"2026-11-23", 7, ""}, {"2026-11-24", 7, "ends"},
	} {
		got := ""
		for _, risk := range New(Input{Config: config, Today: day(test.today).Add(23 * time.Hour), Within: test.within}).Risks {
			if got = "ends"; risk.Expired {
				got = "expired"
			}
		}
		if got != test.want {
			t.Errorf("on %s within %d days: %q, want %q", test.today, test.within, got, test.want)
		}
	}
	other := Input{Config: config, Today: day("2027-01-01"), Scan: &vuln.Report{Decisions: []vuln.Decision{finding("CVE-2", deb, "")}}}
	if got := New(other); got.Due {
		t.Errorf("an acceptance of what the image does not have is due: %+v", got.Risks)
	}
	other.Scan.Decisions[0].Finding.ID = "CVE-1"
	if got := New(other); len(got.Risks) != 1 {
		t.Errorf("risks = %+v, want that of the finding", got.Risks)
	}
}

// TestOutput checks the forms of a report, with texts that nobody may obey.
func TestOutput(t *testing.T) {
	r := New(Input{Subject: "app", Kind: KindImage, Today: day("2026-12-01"),
		Bases: []Base{{Reference: "b|c", Locked: "sha256:1", Now: "sha256:2", Moved: true}, {Reference: "d", Locked: "sha256:3"}},
		Scan: &vuln.Report{Packages: 3,
			Decisions:  []vuln.Decision{finding("CVE-1", deb, "2"), finding("CVE-2", npm, "3"), finding("CVE-3", deb, "")},
			Incomplete: []string{"a list was cut"}, Missing: []string{"npm"}},
		Since:  &vuln.Report{Decisions: []vuln.Decision{finding("CVE-1", deb, "")}},
		Config: &vuln.Config{Accept: []vuln.Acceptance{{ID: "CVE-3", Package: "liba", Until: day("2026-11-30"), Line: 3}}}})
	want := []string{
		"base     rebuild  b|c moved from sha256:1 to sha256:2",
		"base              d is still sha256:3",
		"finding  rebuild  high CVE-1 in liba 1, fixed in 2",
		"finding  edit     high CVE-2 in b 1, fixed in 3: raise it in the application's manifest (new)",
		"finding  decide   high CVE-3 in liba 1, no newer version is known to fix it (new)",
		"risk     decide   the acceptance of CVE-3 in liba expired on 2026-11-30",
		"note     the list of packages is incomplete: a list was cut",
		"note     the database has no records for npm",
		"rebuild app",
	}
	if diff := cmp.Diff(want, r.Lines()); diff != "" {
		t.Errorf("Lines (-want +got):\n%s", diff)
	}
	markdown := r.Markdown(func(s string) string { return strings.ReplaceAll(s, "|", "!") })
	if !strings.HasPrefix(markdown, "## Drift: rebuild app\n") || !strings.Contains(markdown, "| base | rebuild | b!c moved") {
		t.Errorf("Markdown =\n%s", markdown)
	}
	data, err := r.SARIF(".slim.yaml", "v1")
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Results []struct{ RuleID, Level string }
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, result := range log.Runs[0].Results {
		got = append(got, result.RuleID+" "+result.Level)
	}
	wantResults := []string{ruleBase + " warning", "CVE-1 error", "CVE-2 error", "CVE-3 error", ruleRisk + " error"}
	if diff := cmp.Diff(wantResults, got); diff != "" {
		t.Errorf("SARIF results (-want +got):\n%s", diff)
	}
}
