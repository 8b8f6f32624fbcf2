package builder

import (
	"testing"

	"github.com/slimimage/slim/analyzer"
)

func TestReadyWithin(t *testing.T) {
	before := &analyzer.Evidence{Runs: []analyzer.Run{
		{Name: "quick", Kind: analyzer.KindServer}, {Name: "slow", Kind: analyzer.KindServer, Ready: 16}, {Name: "command",
			Kind: analyzer.KindCommand},
		{Name: "failed", Kind: analyzer.KindServer, Failure: "it ended"},
	}}
	for run, want := range map[string]int{"quick": 20, "slow": 64, "command": 0, "failed": 0, "other": 0} {
		if got := readyWithin(before, run); got != want {
			t.Errorf("readyWithin(%s) = %d, want %d", run, got, want)
		}
	}
	if got := readyWithin(nil, "quick"); got != 0 {
		t.Errorf("readyWithin(nothing) = %d, want 0", got)
	}
}
