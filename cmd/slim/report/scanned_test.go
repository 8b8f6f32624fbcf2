package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/vuln"
)

func TestFindingsOf(t *testing.T) {
	if got := FindingsOf(nil, nil); got != nil {
		t.Errorf("FindingsOf(nil, nil) = %+v, want nil", got)
	}
	found := func(id, name string) vuln.Finding {
		return vuln.Finding{ID: id, Package: vuln.Package{Ecosystem: "Debian:12", Name: name, Version: "1"}, Severity: vuln.High, Score: 7.5}
	}
	stays, fresh, gone, fixed := found("CVE-1", "a"), found("CVE-2", "b"), found("CVE-3", "c"), found("CVE-4", "d")
	scan := &vuln.Report{Records: 9, Newest: "2026-01-01T00:00:00Z", Decisions: []vuln.Decision{
		{Finding: stays, State: vuln.StateOpen, Before: true, Text: "update a"},
		{Finding: fresh, State: vuln.StateNotAffected, Evidence: "no file"}},
		Gone: []vuln.Decision{{Finding: fixed, State: vuln.StateUpdated, Before: true, Now: &vuln.Package{Version: "2"}, Text: "now 2"},
			{Finding: gone, State: vuln.StateRemoved, Before: true, Text: "gone"}}}
	one := func(id, name, text string, before, after bool, state vuln.State) Finding {
		return Finding{ID: id, Severity: "high", Score: 7.5, Package: name, Version: "1", Before: before, After: after, State: state, Text: text}
	}
	want := &Findings{Source: "9 records, the newest from 2026-01-01T00:00:00Z", List: []Finding{
		one("CVE-1", "a", "update a", true, true, vuln.StateOpen), one("CVE-2", "b", "", false, true, vuln.StateNotAffected),
		one("CVE-4", "d", "now 2", true, false, vuln.StateUpdated), one("CVE-3", "c", "gone", true, false, vuln.StateRemoved)}}
	if diff := cmp.Diff(want, FindingsOf(scan, nil)); diff != "" {
		t.Errorf("FindingsOf (-want +got):\n%s", diff)
	}
}
