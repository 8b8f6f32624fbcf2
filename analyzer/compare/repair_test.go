package compare

import (
	"encoding/json"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// A plan comes out of a report that anyone may have written: repair reads it without a panic.
func FuzzRepairable(f *testing.F) {
	data, err := json.Marshal(analyzer.Plan{Schema: analyzer.PlanSchema, Image: "sha256:1", Platform: "linux/amd64",
		Layers:  []analyzer.Layer{{}},
		Files:   []analyzer.File{{Path: "lib", Kind: "dir", Reasons: []analyzer.Reason{{}}}},
		Dropped: []analyzer.Dropped{{Path: "etc/c", Package: "c"}}, Writable: []layers.Path{"lib"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		plan, err := analyzer.ReadPlan(data)
		if err != nil {
			return
		}
		slim := &analyzer.Evidence{Missing: []analyzer.MissingPath{{Path: "lib/x", Errno: "EROFS", Ops: []analyzer.Op{analyzer.OpCreate}},
			{Path: "etc/c", Errno: "ENOENT", Ops: []analyzer.Op{analyzer.OpOpen}}}}
		Repairable(&analyzer.Verdict{}, plan, slim, nil)
		Unwritable(plan, slim)
	})
}
