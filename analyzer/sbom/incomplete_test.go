package sbom_test

import (
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer/sbom"
)

// TestAttackHideModules hides packages of language runtimes: the document and the inventory say that they are not all.
func TestAttackHideModules(t *testing.T) {
	big := strings.Repeat(" ", 4<<20+1)
	for _, test := range []struct {
		name, tree string
		reasons    []string // from elsewhere
		want       string   // part of a reason; "" where the document is complete
	}{
		{name: "nothing to hide", tree: "-- app/package.json --\n{\"name\": \"a\", \"version\": \"1\"}\n"},
		{name: "no manifest at all", tree: "-- app/package.json --\n{broken\n"}, // Node.js cannot read it either
		{name: "licences over the bound", tree: "-- usr/share/doc/a/copyright --\n" + big},
		{name: "a manifest over the bound", tree: "-- app/package.json --\n{\"name\": \"a\", \"version\": \"1\"}" + big, want: "was not read"},
		{name: "a list over nothing", tree: "-- app/vendor/composer/installed.json --\n{", want: "cannot be read"},
		{name: "an archive that is none", tree: "-- app/x.jar --\nPK", want: "cannot be read"},
		{name: "a database elsewhere", tree: "-- app/x --\n", reasons: []string{"the original's was damaged"},
			want: "the original's was damaged"},
	} {
		doc := read(t, tree(t, test.tree), sbom.Options{Incomplete: test.reasons})
		reasons := strings.Join(doc.Incomplete, "; ")
		if test.want == "" && reasons != "" || !strings.Contains(reasons, test.want) {
			t.Errorf("%s: Incomplete = %q, want %q", test.name, reasons, test.want)
		}
		inventory := strings.Join(doc.Inventory().Incomplete, "; ")
		if inventory != reasons {
			t.Errorf("%s: the inventory says %q, the document %q", test.name, inventory, reasons)
		}
		for format, write := range map[string]func() ([]byte, error){"is incomplete": doc.SPDX, "slim:incomplete": doc.CycloneDX} {
			data, err := write()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), format) != (test.want != "") {
				t.Errorf("%s: the document says %q: %v, want %v", test.name, format, test.want == "", test.want != "")
			}
		}
	}
}
