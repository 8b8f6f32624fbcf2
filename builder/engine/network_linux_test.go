//go:build !frontend

package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/executor"
	resourcestypes "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/solver/pb"
)

// recorder is an executor that only notes the network of a step.
type recorder struct {
	executor.Executor
	mode pb.NetMode
}

func (r *recorder) Run(_ context.Context, _ string, _ executor.Mount, _ []executor.Mount, process executor.ProcessInfo,
	_ chan<- struct{}) (resourcestypes.Recorder, error) {
	r.mode = process.Meta.NetMode
	return nil, nil
}

// TestAttackDefaultNetwork: a step that names no network (of a Dockerfile, or of a frontend that it names) must not get that of this
// machine.
func TestAttackDefaultNetwork(t *testing.T) {
	for mode, want := range map[pb.NetMode]pb.NetMode{pb.NetMode_UNSET: pb.NetMode_NONE, pb.NetMode_NONE: pb.NetMode_NONE,
		pb.NetMode_HOST: pb.NetMode_HOST} {
		r := &recorder{}
		if _, err := (unconnected{r}).Run(t.Context(), "", executor.Mount{}, nil, executor.ProcessInfo{Meta: executor.Meta{NetMode: mode}},
			nil); err != nil || r.mode != want {
			t.Errorf("a step of the mode %s ran with %s, %v, want %s", mode, r.mode, err, want)
		}
	}
}

func TestPlugins(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	some, all := t.TempDir(), t.TempDir()
	for _, name := range []string{"bridge", "loopback", "host-local", "firewall"} {
		for _, dir := range []string{some, all} {
			if dir == some && name == "firewall" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		dirs  []string
		dir   string
		found bool
	}{{nil, "", false}, {[]string{some}, "", false}, {[]string{some, all}, all, true}} {
		if dir, found := plugins(test.dirs); dir != test.dir || found != test.found {
			t.Errorf("plugins(%q) = %q, %v, want %q, %v", test.dirs, dir, found, test.dir, test.found)
		}
	}
	t.Setenv(usernsMarker, "1")
	if network := stepNetwork(t.TempDir()); network != nil {
		t.Errorf("stepNetwork() without root = %v, want none", network)
	}
}
