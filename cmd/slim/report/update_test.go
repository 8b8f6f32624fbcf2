package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	fresh "github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/builder"
)

func TestUpdated(t *testing.T) {
	for _, test := range []struct {
		in       *builder.Updated
		want     []string
		markdown string
	}{
		{in: nil},
		{in: &builder.Updated{Mode: "fixable"}, want: []string{"updated: nothing, none of the packages that are kept is one to update (fixable)"},
			markdown: "- Updated nothing, none of the packages that are kept is one to update (fixable)\n\n"},
		{in: &builder.Updated{Mode: "all", Manager: "apt"}, want: []string{"updated: nothing, the packages that are kept are up to date (all)"},
			markdown: "- Updated nothing, the packages that are kept are up to date (all)\n\n"},
		{in: &builder.Updated{Mode: "security", Manager: "apt", Packages: []builder.UpdatedPackage{
			{Change: fresh.Change{Name: "libssl3", Before: "3.0.17", After: "3.0.18", Repository: "Debian-Security bookworm-security"},
				Closed: []string{"CVE-2026-1", "CVE-2026-2"}},
			{Change: fresh.Change{Name: "zlib1g", Before: "1", After: "2", Repository: "a|b"}},
		}}, want: []string{"updated: 2 packages with apt (security), which closes 2 vulnerabilities",
			"  libssl3 3.0.17 -> 3.0.18 (Debian-Security bookworm-security): closes CVE-2026-1, CVE-2026-2",
			"  zlib1g 1 -> 2 (a|b)"},
			markdown: "- Updated 2 packages with apt (security), which closes 2 vulnerabilities\n\n" +
				"| Package | Before | After | Repository | Closed |\n| --- | --- | --- | --- | --- |\n" +
				"| <code>libssl3</code> | <code>3.0.17</code> | <code>3.0.18</code> | Debian-Security bookworm-security | " +
				"<code>CVE-2026-1</code>, <code>CVE-2026-2</code> |\n" +
				"| <code>zlib1g</code> | <code>1</code> | <code>2</code> | a&#124;b |  |\n\n"},
	} {
		if diff := cmp.Diff(test.want, Updated(test.in)); diff != "" {
			t.Errorf("Updated(%+v): -want +got\n%s", test.in, diff)
		}
		m := &markdown{}
		m.updated(test.in)
		if diff := cmp.Diff(test.markdown, m.String()); diff != "" {
			t.Errorf("markdown of %+v: -want +got\n%s", test.in, diff)
		}
	}
}
