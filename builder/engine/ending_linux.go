//go:build !frontend

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/executor"
	resourcestypes "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/identity"
	"golang.org/x/sys/unix"
)

// ending is an executor whose cancelled steps end. BuildKit kills the first process of a container once and waits. That process does not
// end while it has a tracer that stands still (ptrace(2), PTRACE_EVENT_EXIT), and its descendants do not while it does not.
type ending struct{ executor.Executor }

// killAgain is the time between two attempts to kill what is left of a cancelled step.
const killAgain = time.Second

// Run implements executor.Executor.
func (e ending) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo,
	started chan<- struct{}) (resourcestypes.Recorder, error) {
	if id == "" {
		id = identity.NewID()
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		for {
			select {
			case <-done:
				return
			case <-time.After(killAgain):
				killContainer(id)
			}
		}
	}()
	return e.Executor.Run(ctx, id, root, mounts, process, started)
}

// killContainer kills all processes of a container.
func killContainer(id string) {
	runc, err := runcPath()
	if err != nil {
		return
	}
	out, err := exec.Command(runc, "state", id).Output() // OCI runtime-spec, State
	var state struct{ Pid int }
	if err != nil || json.Unmarshal(out, &state) != nil || state.Pid <= 1 {
		return
	}
	for _, pid := range append(descendants(state.Pid), state.Pid) {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
	}
}

// descendants lists the processes below a process. Those of a container stay below its first process (pid_namespaces(7)).
func descendants(of int) []int {
	parents := map[int]int{}
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		data, err := os.ReadFile(name)
		_, rest, ok := strings.Cut(string(data), ") ") // the name before it may have any character (proc_pid_stat(5))
		if fields := strings.Fields(rest); err == nil && ok && len(fields) > 1 {
			pid, err1 := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			parent, err2 := strconv.Atoi(fields[1])
			if err1 == nil && err2 == nil {
				parents[pid] = parent
			}
		}
	}
	found := []int{of}
	for i := 0; i < len(found); i++ {
		for pid, parent := range parents {
			if parent == found[i] && !slices.Contains(found, pid) {
				found = append(found, pid)
			}
		}
	}
	return found[1:]
}

// runcPath is the program that BuildKit runs steps with (executor/runcexecutor, defaultCommandCandidates).
func runcPath() (string, error) {
	for _, name := range []string{"buildkit-runc", "runc"} {
		if file, err := exec.LookPath(name); err == nil {
			return file, nil
		}
	}
	return "", errors.New("the embedded BuildKit needs runc: apt-get install runc (or pass --engine with the address of a buildkitd)")
}
