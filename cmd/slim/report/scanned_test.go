package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/vuln"
)

func TestFindingsOf(t *testing.T) {
	if got := FindingsOf(nil); got != nil {
		t.Errorf("FindingsOf(nil) = %+v, want nil", got)
	}
	found := func(id, name string) vuln.Finding {
		return vuln.Finding{ID: id, Package: vuln.Package{Ecosystem: "Debian:12", Name: name, Version: "1"}, Severity: vuln.High, Score: 7.5}
	}
	stays, fresh, gone, fixed := found("CVE-1", "a"), found("CVE-2", "b"), found("CVE-3", "c"), found("CVE-4", "d")
	scan := &vuln.Report{Records: 9, Newest: "2026-01-01T00:00:00Z", Decisions: []vuln.Decision{{Finding: stays, Text: "update a"},
		{Finding: fresh, Evidence: "no file"}},
		Comparison: &vuln.Comparison{Remaining: []vuln.Finding{stays}, New: []vuln.Finding{fresh}, Removed: []vuln.Finding{gone},
			Fixed: []vuln.Change{{Finding: fixed, Now: vuln.Package{Version: "2"}}}}}
	one := func(id, name, text string, before, after, open bool) Finding {
		return Finding{ID: id, Severity: "high", Score: 7.5, Package: name, Version: "1", Before: before, After: after, Open: open, Text: text}
	}
	want := &Findings{Source: "9 records, the newest from 2026-01-01T00:00:00Z", List: []Finding{
		one("CVE-1", "a", "update a", true, true, true), one("CVE-2", "b", "", false, true, false),
		one("CVE-4", "d", "fixed by version 2", true, false, false), one("CVE-3", "c", "the package is not in the slim image", true, false,
			false)}}
	if diff := cmp.Diff(want, FindingsOf(scan)); diff != "" {
		t.Errorf("FindingsOf (-want +got):\n%s", diff)
	}
}
