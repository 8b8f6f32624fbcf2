package keep

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers/layerstest"
)

// TestDroppedAgain: of the names of one file only one counts, a kept one before those that are dropped; so the sizes add up to the image's.
func TestDroppedAgain(t *testing.T) {
	root, err := layerstest.TreeFromTxtar([]byte("hardlink usr/a/kept usr/b/kept\nhardlink usr/a/one usr/b/one\n-- usr/b/kept " +
		"--\n12345678\n-- usr/b/one --\n1234\n"))
	if err != nil {
		t.Fatal(err)
	}
	evidence := &analyzer.Evidence{Schema: analyzer.EvidenceSchema,
		Paths: []analyzer.PathUse{{Path: "usr/b/kept", Ops: []analyzer.Op{analyzer.OpOpen}}}}
	plan, err := Plan(t.Context(), root, analyzer.Request{Schema: analyzer.RequestSchema,
		Options: analyzer.Options{Keep: analyzer.KeepObserved}}, []*analyzer.Evidence{evidence})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var sum int64
	for _, d := range plan.Dropped {
		lines = append(lines, fmt.Sprintf("%s %d %v", d.Path, d.Size, d.Again))
		if !d.Again {
			sum += d.Size
		}
	}
	want := "/usr/a/kept 9 true\n/usr/a/one 5 false\n/usr/b/one 5 true"
	if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	if sum+9 != plan.Before.Bytes {
		t.Errorf("what is dropped and what is kept are %d bytes, and the image has %d", sum+9, plan.Before.Bytes)
	}
}
