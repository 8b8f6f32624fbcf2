//go:build linux

package trace

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Processes and their arguments, and the exit code and the output of the first.
func TestProcesses(t *testing.T) {
	dir := place(t, "a", "b", "c", "script = #!/bin/sh -e\ncat c")
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			o := command(t, dir, "sh", "-c", "cat a; ( (cat b) & wait ); ./script; exit 7")
			way.change(&o)
			got := observe(t, o)
			if want := "abc"; got.Run.ExitCode != 7 || string(got.Output.Body) != want {
				t.Errorf("exit code %d, output %q, want 7 and %q", got.Run.ExitCode, got.Output.Body, want)
			}
			var names []string
			for _, p := range got.Evidence.Processes {
				names = append(names, strings.Join(p.Argv, " "))
			}
			for _, want := range []string{"cat a", "cat b", "cat c"} {
				if !slices.Contains(names, want) {
					t.Errorf("processes %q lack %q", names, want)
				}
			}
		})
	}
}

// A run that is stopped ends, and nothing of it is left.
func TestStop(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			got := tracee(t, "serve", place(t), way.change, func(o *order) { o.Stop = true })
			// The first process of a container gets no signal that it does not catch; it is killed with the rest.
			if want := "SIGTERM"; got.Run.Signal != want && !(way.name == "first process" && got.Run.Signal == "") {
				t.Errorf("ended by %q, exit code %d, want %s", got.Run.Signal, got.Run.ExitCode, want)
			}
			before := sleepers(t)
			tracee(t, "leave", place(t), way.change)
			if after := sleepers(t); after > before {
				t.Errorf("%d processes are left behind", after-before)
			}
		})
	}
}

// sleepers counts the processes "sleep 60".
func sleepers(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil && string(data) == "sleep\x0060\x00" {
			count++
		}
	}
	return count
}

func TestBare(t *testing.T) {
	dir := place(t, "own")
	got := tracee(t, "own", dir, func(o *order) { o.Bare = true })
	if len(got.Evidence.Paths) != 0 {
		t.Errorf("a bare run recorded %d paths", len(got.Evidence.Paths))
	}
}

func TestNoProgram(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			o := command(t, "/", "/no/such/program")
			way.change(&o)
			if got := observe(t, o); !strings.Contains(got.Run.Failure, "/no/such/program") {
				t.Errorf("failure %q, want the program's name", got.Run.Failure)
			}
		})
	}
}

// TestCompat runs a 32-bit program, whose calls have other numbers.
func TestCompat(t *testing.T) {
	if len(compatCalls) == 0 {
		t.Skip("this machine's 32-bit calls are not recorded")
	}
	program := filepath.Join(t.TempDir(), "compat")
	ctx, cancel := context.WithTimeout(t.Context(), 2*(*patience))
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "testdata/compat.go")
	build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("no program for 386 can be built here: %v\n%s", err, out)
	}
	nothing := exec.CommandContext(ctx, program)
	nothing.Env = []string{"NOTHING=1"}
	if err := nothing.Run(); err != nil {
		t.Skipf("this kernel runs no program for 386: %v", err)
	}
	dir := place(t, "open", "stat", "access", "link -> open", "listed/a", "sub/relative")
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			o := command(t, dir, program)
			way.change(&o)
			got := observe(t, o)
			if got.Run.ExitCode != 0 {
				t.Fatalf("exit code %d: %s", got.Run.ExitCode, bytes.TrimSpace(got.Output.Stderr))
			}
			got.want(t, dir, map[string]string{"open": "open", "stat": "stat", "access": "stat", "link": "readlink", "listed": "list open",
				"sub": "chdir", "sub/relative": "open",
				"socket": "connect create", "made": "create write"})
			got.wantMissing(t, dir, map[string]string{"nothing": "ENOENT"})
			if err := all(os.Remove(filepath.Join(dir, "socket")), os.Remove(filepath.Join(dir, "made"))); err != nil {
				t.Fatal(err)
			}
		})
	}
}
