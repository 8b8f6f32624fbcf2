package analyzer

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/layers"
)

// A plan comes out of a report that anyone may have written (slim explain, slim profile).
func FuzzReadPlan(f *testing.F) {
	plan := Plan{Schema: PlanSchema, Image: "sha256:1", Platform: "linux/amd64", Layers: []Layer{{}},
		Files:    []File{{Path: "bin/a", Kind: "file", Reasons: []Reason{{}}}, {Path: "lib", Kind: "dir", Reasons: []Reason{{}}}},
		Dropped:  []Dropped{{Path: "etc/b", Package: "b", Rule: DropExcluded}, {Path: "etc/c", Package: "c"}},
		Packages: []Package{{Name: "c"}}, Writable: []layers.Path{"lib"}}
	data, err := json.Marshal(plan)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema":"` + PlanSchema + `","files":[{"path":"/","reasons":[{}],"layer":-1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		plan, err := ReadPlan(data)
		if err != nil {
			return
		}
		for _, file := range plan.Files {
			_, _ = Explain(plan, string(file.Path))
		}
		for _, dropped := range plan.Dropped {
			_, _ = Explain(plan, string(dropped.Path))
		}
		SizesOf(plan)
		written, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadPlan(written)
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if rewritten, err := json.Marshal(again); err != nil || string(rewritten) != string(written) {
			t.Fatalf("not stable:\n%s", cmp.Diff(string(written), string(rewritten)))
		}
	})
}
