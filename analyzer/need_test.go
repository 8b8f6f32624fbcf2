package analyzer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/layers"
)

func TestNeedOf(t *testing.T) {
	file := func(path layers.Path, pkg string, reasons ...Reason) File {
		return File{Path: path, Kind: "file", Size: 10, Package: pkg, Reasons: reasons}
	}
	plan := &Plan{Files: []File{
		file("usr/bin/app", "app", Reason{RuleEntrypoint, ""}),
		file("usr/lib/a.so", "lib", Reason{RuleNeededBy, "/usr/bin/app"}, Reason{RuleListedBy, "/usr/lib/b.so"}),
		file("usr/lib/b.so", "lib", Reason{RuleNeededBy, "/usr/lib/a.so"}, Reason{RuleOpenedBy, "/usr/bin/app"}),
		file("usr/lib/c.so", "lib", Reason{RuleOpenedBy, "/usr/bin/app"}),
		{Path: "usr/lib/d", Kind: "dir", Package: "lib", Reasons: []Reason{{RuleParentOf, "/x"}}},
		file("usr/lib/e.so", "lib", Reason{RuleIncluded, "none"}),
	}}
	want := Need{Files: 4, Bytes: 40, Users: []string{"app"}, Reasons: []Size{{Name: "opened by /usr/bin/app", Files: 2, Bytes: 20},
		{Name: "included none", Files: 1, Bytes: 10}, {Name: "needed by /usr/bin/app", Files: 1, Bytes: 10}}}
	got := NeedOfPackage(plan, "lib")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("NeedOfPackage (-want +got):\n%s", diff)
	}
	if short, want := got.Short(2), "2 files: opened by /usr/bin/app, 1 file: included none, and 1 more reasons"; short != want {
		t.Errorf("Short = %q, want %q", short, want)
	}
	got = NeedOf(plan, []layers.Path{"usr/lib/none", "usr/bin/app", "usr/bin/app"})
	if got.Files != 1 || got.Short(2) != "1 file: entrypoint" {
		t.Errorf("NeedOf = %+v", got)
	}
	if got := NeedOfPackage(plan, "none"); got.Files != 0 || got.Short(1) != "" {
		t.Errorf("NeedOfPackage(none) = %+v", got)
	}
}
