package builder

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"
)

// A failed step is another build's if the graph does not have it, or if BuildKit lost what it needs.
func TestForeign(t *testing.T) {
	graph, err := llb.Scratch().File(llb.Mkfile("/a", 0o644, nil)).Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, broken := digest.FromBytes(graph.Def[0]), errors.New("broken")
	for _, test := range []struct {
		name  string
		err   error
		graph *llb.Definition
		want  bool
	}{
		{"none", nil, graph, false},
		{"no step", broken, graph, false},
		{"its own step", errdefs.WrapVertex(broken, own), graph, false},
		{"another step", errdefs.WrapVertex(broken, "sha256:1"), graph, true},
		{"another step, canceled", errdefs.WrapVertex(context.Canceled, "sha256:1"), graph, true},
		{"a step of a graph that is not known", errdefs.WrapVertex(broken, "sha256:1"), nil, false},
		{"its own step without its input", errdefs.WrapVertex(errors.New("failed to get state for index 0 on x"), own), graph, true},
		{"no input", errors.New("failed to get edge: inconsistent graph state in edge x sha256:1 0"), nil, true},
	} {
		err := foreign(test.err, test.graph)
		if err != nil {
			err = fmt.Errorf("analyzing: %w", err)
		}
		if got := isForeign(err); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: foreign() = %v, foreign %t, want %t", test.name, err, got, test.want)
		}
	}
}

func TestRepeated(t *testing.T) {
	other, broken := &foreignError{errors.New("x")}, errors.New("broken")
	for _, test := range []struct {
		name   string
		errs   []error
		cancel bool
		want   error
		calls  int
	}{
		{"success", []error{nil}, false, nil, 1},
		{"its own failure", []error{broken}, false, broken, 1},
		{"once another's", []error{other, nil}, false, nil, 2},
		{"another's, then its own", []error{other, broken}, false, broken, 2},
		{"always another's", []error{other, other, other}, false, other, 3},
		{"interrupted", []error{other}, true, other, 1},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		err := repeated(ctx, func() error {
			if test.cancel {
				cancel()
			}
			calls++
			return test.errs[calls-1]
		})
		if err != test.want || calls != test.calls {
			t.Errorf("%s: repeated() = %v after %d calls, want %v after %d", test.name, err, calls, test.want, test.calls)
		}
		cancel()
	}
}
