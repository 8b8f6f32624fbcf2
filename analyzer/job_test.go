package analyzer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithEnv(t *testing.T) {
	env := []string{"A=1", "AB=2", "A=3"}
	got := WithEnv(env, "A=4", "C=5=6", "C=7")
	if diff := cmp.Diff([]string{"AB=2", "A=4", "C=7"}, got); diff != "" {
		t.Errorf("WithEnv (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"A=1", "AB=2", "A=3"}, env); diff != "" {
		t.Errorf("WithEnv changed its argument (-want +got):\n%s", diff)
	}
}
