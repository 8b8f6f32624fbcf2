package report

import (
	"errors"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/layers"
)

// summaryResult is a build with some of everything.
func summaryResult() *builder.Result {
	return &builder.Result{
		Image: "sha256:aaaa",
		Plan: &analyzer.Plan{
			User: analyzer.User{UID: 33, GID: 33, Reason: "the user that /usr/sbin/web dropped to"}, Layers: []analyzer.Layer{{Name: "os"}},
			Before: analyzer.Totals{Files: 9213, Bytes: 188_200_000}, After: analyzer.Totals{Files: 2, Bytes: 14_100_000},
			Files: []analyzer.File{
				{Path: "usr/lib/libc.so", Kind: "file", Size: 14_000_000, Package: "libc6",
					Reasons: []analyzer.Reason{{Rule: analyzer.RuleNeededBy, From: "/usr/sbin/web"}}},
				{Path: "usr/sbin/web", Kind: "file", Size: 100_000, Reasons: []analyzer.Reason{{Rule: analyzer.RuleEntrypoint}}}},
			Packages: []analyzer.Package{{Name: "libc6", Version: "2.36-9"}}, Programs: &analyzer.Programs{Kept: 3, Ran: 1},
		},
		Evidence: &analyzer.Evidence{Runs: []analyzer.Run{{Name: "default", Kind: "server",
			Answers: []analyzer.Answer{{Probe: "GET http://127.0.0.1:80/", OK: true, Status: 200, Size: 5}}}}},
		Verdict: &analyzer.Verdict{OK: true, Checked: 1, Confined: true, AnyUser: true},
		Profile: &profile.Model{Platform: "linux/amd64", Syscalls: []string{"read"}, Writable: []profile.Writable{{Path: "tmp"}}},
	}
}

var update = flag.Bool("update", false, "write the summaries of testdata/summary again")

// TestSummary compares summaries with testdata/summary.
func TestSummary(t *testing.T) {
	last := summaryResult()
	last.Image, last.Plan.After, last.Plan.Packages[0].Version = "sha256:bbbb", analyzer.Totals{Files: 2, Bytes: 14_300_000}, "2.36-8"
	last.Plan.Files[1].Path, last.Profile.Writable[0].Path = "usr/sbin/old", "run"
	compared := summaryResult()
	low := vuln.Finding{ID: "CVE-2", Severity: vuln.Low, Package: vuln.Package{Name: "libc6"}}
	high := vuln.Finding{ID: "CVE-1", Severity: vuln.High}
	compared.Scan = &vuln.Report{
		Decisions:  []vuln.Decision{{Finding: low, State: vuln.StateOpen, Before: true, Text: "affected, no update is known"}},
		Gone:       []vuln.Decision{{Finding: high, State: vuln.StateRemoved, Before: true}},
		Comparison: &vuln.Comparison{Remaining: []vuln.Finding{low}, Removed: []vuln.Finding{high}}}
	differs := summaryResult()
	differs.Verdict = &analyzer.Verdict{Checked: 1, Differences: []analyzer.Difference{{Run: "default", Probe: "GET http://127.0.0.1:80/",
		What: "status", Want: "200", Got: "500"}}}
	unchecked := summaryResult()
	unchecked.Verdict, unchecked.Unchecked = nil, "the original does not run here"
	for name, got := range map[string]string{
		"plain":    Markdown(Job{Image: "web:1", Result: summaryResult()}),
		"compared": Markdown(Job{Image: "web:1", Result: compared, Last: last}),
		"same":     Markdown(Job{Image: "web:1", Result: summaryResult(), Last: summaryResult()}),
		"differs": Markdown(Job{Image: "web:1", Result: differs,
			Failure: errors.New("web:1: the slim image does not answer like the original")}),
		"unchecked": Markdown(Job{Image: "web:1", Result: unchecked}),
		"nothing":   Markdown(Job{Image: "web:1", Failure: errors.New("no such image")}),
	} {
		golden := "testdata/summary/" + name + ".md"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", golden, diff)
		}
	}
}

// hostileText are texts of an image that Markdown, HTML or a log could take for markup.
var hostileText = []string{
	"a | b |", "`code`", "</code></details><script>alert(1)</script>", "new\nline\n# head", "[link](https://example.com)",
	"![image](https://example.com/x.png)", "**bold** _it_ ~~no~~",
	"https://example.com", "@octocat #1", "<!-- hidden", "&lt;", `\|`, "$math$", ":tada:", "::error::x", "##[error]x", "\x1b[31m",
	"\u202ereversed", "\xff", strings.Repeat("|`<", 1000),
}

var entity = regexp.MustCompile(`&#\d+;`)

// TestSummaryHostile checks that no text of an image adds a row, a line or markup.
func TestSummaryHostile(t *testing.T) {
	marks := func(summary string) map[string]int {
		counts := map[string]int{}
		for _, mark := range []string{"\n", "|", "`", "<", ">", "](", "**", "\n#", "://", "@", "~~", "\n-", "$", "!["} {
			counts[mark] = strings.Count(entity.ReplaceAllString(summary, ""), mark)
		}
		return counts
	}
	want := marks(hostileSummary("harmless"))
	for _, name := range hostileText {
		if diff := cmp.Diff(want, marks(hostileSummary(name))); diff != "" {
			t.Errorf("%.60q changes the marks (-want +got):\n%s", name, diff)
		}
	}
}

// hostileSummary is a summary with one text in every place.
func hostileSummary(name string) string {
	r := summaryResult()
	last := summaryResult()
	r.Plan.Files = append(r.Plan.Files, analyzer.File{Path: layers.Path("srv/" + name), Kind: "file", Size: 1,
		Reasons: []analyzer.Reason{{Rule: analyzer.Rule(name)}}})
	r.Plan.Packages = append(r.Plan.Packages, analyzer.Package{Name: name, Version: name})
	r.Plan.Warnings, r.Plan.User.Reason, r.Image = []string{name}, name, name
	r.Evidence.Runs[0].Name, r.Evidence.Runs[0].Failure = name, name
	r.Verdict = &analyzer.Verdict{Checked: 1, Confined: true, AnyUserWhy: name,
		Differences: []analyzer.Difference{{Run: name, Probe: name, What: name, Want: name, Got: name}}}
	r.Scan = &vuln.Report{Decisions: []vuln.Decision{{Text: name, Finding: vuln.Finding{ID: name, Severity: vuln.Level(name),
		Package: vuln.Package{Name: name, Version: name}}}}, Incomplete: []string{name}, Newest: name}
	return Markdown(Job{Image: name, Result: r, Failure: errors.New(name), Last: last})
}
