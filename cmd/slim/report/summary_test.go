package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/layers"
)

func TestTextSummary(t *testing.T) {
	passed := summaryResult()
	passed.Input, passed.Plan.Warnings = "web:1", []string{"a warning"}
	unconfined := summaryResult()
	unconfined.Input = "web:1"
	unconfined.Verdict = &analyzer.Verdict{OK: true, Checked: 1, Unconfined: "it needs mount(2)"}
	rooted := summaryResult()
	rooted.Input, rooted.Plan.Warnings = "web:1", nil
	rooted.Profile.Capabilities, rooted.Profile.NewPrivileges = []string{"CAP_CHOWN", "CAP_SETUID"}, true
	rooted.Verdict = &analyzer.Verdict{OK: true, Checked: 1, Confined: true, Unfaithful: []string{"noexec lacks"}}
	sensitive := summaryResult()
	sensitive.Input, sensitive.Plan.Warnings = "web:1", nil
	for i := range 7 {
		sensitive.Plan.Sensitive = append(sensitive.Plan.Sensitive, analyzer.Sensitive{Path: layers.Path(fmt.Sprint("k", i))})
	}
	sensitive.Plan.Sensitive = append(sensitive.Plan.Sensitive, analyzer.Sensitive{Path: "etc/tls.key", Kept: "opened by /usr/sbin/web"})
	unchecked := summaryResult()
	unchecked.Input, unchecked.Verdict, unchecked.Unchecked = "web:1", nil, "the original does not run here"
	unchecked.Platforms = []*builder.Result{{Platform: "linux/arm64", Plan: unchecked.Plan, Unobserved: "cannot be traced",
		Unchecked: "not run"}}
	const size = "web:1: 188.2 MB in 9213 files -> 14.1 MB in 2 files (7%)"
	const exercised = "exercised: 1 of 3 kept programs ran; 1 of 1 probes got content"
	const user, ran = "user 33:33 (the user that /usr/sbin/web dropped to)", "ran default (server): 1 of 1 probes answered"
	for _, test := range []struct {
		name   string
		result *builder.Result
		want   []string
	}{
		{"no plan", &builder.Result{}, nil},
		{"passed", passed, []string{size, user, ran, "checked: 1 answer, identical to the original's", exercised,
			"hardened: ran as 33:33 with a read-only root filesystem, no capabilities and 133 allowed system calls; works as any user in group 0",
			"warning: a warning"}},
		{"with capabilities", rooted, []string{size, user, ran, "checked: 1 answer, identical to the original's", exercised,
			"hardened: ran as 33:33 with a read-only root filesystem, the capabilities CHOWN, SETUID, without no_new_privs " +
				"and 133 allowed system calls",
			"warning: the check could not apply the whole profile: noexec lacks"}},
		{"with credentials", sensitive, []string{size, user,
			"credentials and devices dropped, nothing is known to use them: /k0, /k1, /k2, /k3, /k4 and 2 more; --include PATH keeps one",
			"credentials and devices kept: /etc/tls.key (opened by /usr/sbin/web)", ran, "checked: 1 answer, identical to the original's", exercised,
			"hardened: ran as 33:33 with a read-only root filesystem, no capabilities and 133 allowed system calls; works as any user in group 0"}},
		{"unconfined", unconfined, []string{size, user, ran, "checked: 1 answer, identical to the original's", exercised,
			"warning: it does not run under its own profile: it needs mount(2)"}},
		{"unchecked", unchecked, []string{size, user, ran, "not checked (the original does not run here)", exercised,
			"linux/arm64: 188.2 MB in 9213 files -> 14.1 MB in 2 files (7%)", "linux/arm64: cannot be traced", "linux/arm64: not run",
			"not checked (not run)", "exercised: 1 of 3 kept programs ran"}},
	} {
		if diff := cmp.Diff(test.want, Summary(test.result)); diff != "" {
			t.Errorf("%s: Summary (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestDifferences(t *testing.T) {
	v := &analyzer.Verdict{Missing: []analyzer.MissingPath{{Path: "etc/x", By: []layers.Path{"usr/bin/app"}}}}
	for range maxListed + 2 {
		v.Differences = append(v.Differences, analyzer.Difference{Run: "default", Probe: "GET /", What: "status", Want: "200", Got: "500"})
	}
	got := Differences(v)
	want := []string{`  default, GET /: status was "200", is "500"`, "  and 2 more", "  missing /etc/x (looked up by /usr/bin/app)"}
	if diff := cmp.Diff(want, append(got[:1:1], got[maxListed:]...)); diff != "" {
		t.Errorf("Differences (-want +got):\n%s", diff)
	}
}

func TestSizeTable(t *testing.T) {
	sizes := &analyzer.Sizes{Total: 3000, Floor: 2000, Packages: []analyzer.Size{{Files: 1, Bytes: 3000}}}
	for range maxSizes + 1 {
		sizes.Reasons = append(sizes.Reasons, analyzer.Size{Name: "entrypoint", Files: 1, Bytes: 10})
	}
	got := strings.Join(SizeTable(sizes), "\n")
	for _, want := range []string{"3.0 kB, 1.50 times the 2.0 kB that the run opened\n", "(no package)", "  and 1 more\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("SizeTable has no %q:\n%s", want, got)
		}
	}
}

func TestShortened(t *testing.T) {
	scan := &vuln.Report{Missing: []string{"Alpine"}, Notes: make([]string, maxFindings+3)}
	got := ScanWarnings(scan)
	if len(got) != maxFindings+2 || got[0] != "warning: the database has no records for Alpine" ||
		got[len(got)-1] != "warning: and 3 more; --format json lists them" {
		t.Errorf("ScanWarnings = %q, want the ecosystem, %d notes and a line that says how many more", got, maxFindings)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{999: "999 B", 1000: "1.0 kB", 188_200_000: "188.2 MB", 2_345_000_000: "2.35 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	for _, test := range []struct {
		before, after int64
		want          string
	}{{0, 5, ""}, {1000, 1, "99.9% smaller"}, {100, 50, "50% smaller"}, {100, 150, "50% larger"}, {1000, 999, "the same size"}} {
		if got := Smaller(test.before, test.after); got != test.want {
			t.Errorf("Smaller(%d, %d) = %q, want %q", test.before, test.after, got, test.want)
		}
	}
}
