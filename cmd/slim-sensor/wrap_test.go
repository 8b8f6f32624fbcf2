package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// The test program is the agent when a test starts it as such.
func TestMain(m *testing.M) {
	if os.Getenv("SLIM_TEST_AGENT") != "" {
		os.Exit(run(context.Background(), os.Args))
	}
	os.Exit(m.Run())
}

func agentCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "SLIM_TEST_AGENT=1", imageVariable+"=sha256:1")
	cmd.Stderr = os.Stderr
	return cmd
}

func mustRead(t *testing.T, name string) *analyzer.Evidence {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := analyzer.ReadEvidence(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func uses(e *analyzer.Evidence, path string) bool {
	return slices.ContainsFunc(e.Paths, func(p analyzer.PathUse) bool { return p.Path.String() == path })
}

// A wrapped command keeps its process number, its files, its directory, its environment and its exit code.
func TestWrap(t *testing.T) {
	for _, how := range []string{"--plain=false", "--plain=true"} {
		t.Run(how, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "evidence.json")
			if err := os.WriteFile(filepath.Join(dir, "data.txt"), []byte("data"), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := agentCommand(t, "wrap", "--out", out, how, "--name", "tests", "--", "sh", "-c",
				`cat; cat data.txt; echo " $$ [$SLIM_IMAGE_DIGEST] [$X]"; exit 7`)
			cmd.Dir, cmd.Env, cmd.Stdin = dir, append(cmd.Env, "X=y"), strings.NewReader("in ")
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != 7 {
				t.Errorf("exit code %d, %v, want 7", cmd.ProcessState.ExitCode(), err)
			}
			if want := fmt.Sprintf("in data %d [] [y]\n", cmd.Process.Pid); stdout.String() != want {
				t.Errorf("it printed %q, want %q", stdout.String(), want)
			}
			e := mustRead(t, out)
			if !uses(e, filepath.Join(dir, "data.txt")) {
				t.Errorf("data.txt is not among the %d paths", len(e.Paths))
			}
			if len(e.Processes) < 2 {
				t.Errorf("processes %v, want the shell and cat", e.Processes)
			}
			if run := e.Runs[0]; e.Image != "sha256:1" || run.Name != "tests" || run.ExitCode != 7 || run.Kind != analyzer.KindCommand {
				t.Errorf("image %q, run %+v", e.Image, run)
			}
		})
	}
}

// Signals reach the command itself, also the one that nothing survives: what was seen is not lost.
func TestWrapSignals(t *testing.T) {
	for _, test := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGTERM, 5}, {syscall.SIGKILL, -1}} {
		t.Run(test.signal.String(), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "evidence.json")
			cmd := agentCommand(t, "wrap", "--out", out, "--", "sh", "-c", `trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done`)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != test.code {
				t.Errorf("exit code %d, want %d", got, test.code)
			}
			if e := mustRead(t, out); len(e.Processes) == 0 {
				t.Error("nothing was seen")
			}
		})
	}
}

// Evidence is written while the command runs.
func TestWrapSnapshot(t *testing.T) {
	dir := t.TempDir() + "/"
	cmd := agentCommand(t, "wrap", "--out", dir, "--", "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for range 200 {
		if found, _ := filepath.Glob(dir + "*.json"); len(found) > 0 {
			if e := mustRead(t, found[0]); len(e.Paths) == 0 || e.Runs[0].ExitCode != 0 {
				t.Errorf("%d paths, run %+v", len(e.Paths), e.Runs[0])
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("no evidence after ten seconds")
}

// What cannot be watched is not run, and leaves nothing.
func TestWrapRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no such directory", []string{"--out", "DIR/none/evidence.json", "--", "echo", "ran"}, 125, "the evidence cannot be written"},
		{"no such program", []string{"--out", "DIR/evidence.json", "--", "/no/such"}, 127, `exec "/no/such"`},
		{"nothing to run", []string{"--out", "DIR/evidence.json"}, 1, "usage:"},
		{"no digest", []string{"--image", "app:1", "--", "echo", "ran"}, 1, "named by its digest"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"wrap"}
			for _, arg := range test.args {
				args = append(args, strings.Replace(arg, "DIR", dir, 1))
			}
			cmd := agentCommand(t, args...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != test.code || stdout.Len() > 0 || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("exit code %d, want %d; stdout %q, stderr %q", got, test.code, stdout.String(), stderr.String())
			}
			time.Sleep(50 * time.Millisecond) // the tracer is another process
			if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

// Every start in a directory has a file of its own.
func TestReserve(t *testing.T) {
	dir := t.TempDir() + "/"
	names := map[string]bool{}
	for range 3 {
		f := &evidenceFile{flags: wrapFlags{out: dir}}
		if err := f.reserve(); err != nil {
			t.Fatal(err)
		}
		if names[f.name] {
			t.Errorf("%s was given twice", f.name)
		}
		names[f.name] = true
	}
}

// What several containers left is printed as one.
func TestCollect(t *testing.T) {
	dir := t.TempDir()
	if out, err := agentCommand(t, "collect", dir).Output(); err == nil {
		t.Errorf("collect of nothing printed %q", out)
	}
	for name, program := range map[string]string{"a": "true", "b": "false"} {
		_ = agentCommand(t, "wrap", "--out", filepath.Join(dir, name+".json"), "--name", name, "--", program).Run()
	}
	out, err := agentCommand(t, "collect", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	e, err := analyzer.ReadEvidence(bytes.NewReader(out))
	if err != nil || len(e.Runs) != 2 || e.Runs[0].ExitCode != 0 || e.Runs[1].ExitCode != 1 {
		t.Errorf("collect = %+v, %v, want the runs a and b", e, err)
	}
}

func TestInstall(t *testing.T) {
	dir := t.TempDir()
	if out, err := agentCommand(t, "install", dir).Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, "slim-sensor"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v, want an executable", info, err)
	}
	self, err := os.Stat("/proc/self/exe")
	if err != nil || info.Size() != self.Size() {
		t.Errorf("it has %d bytes, want %s", info.Size(), strconv.FormatInt(self.Size(), 10))
	}
}

// TestAttackPart puts a link where the agent is about to write a part of its evidence, as the application could.
func TestAttackPart(t *testing.T) {
	dir := t.TempDir()
	victim, name := filepath.Join(dir, "victim"), filepath.Join(dir, "web.json")
	if err := os.WriteFile(victim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := os.Symlink(victim, name+".part"); err != nil {
			t.Fatal(err)
		}
		if err := writeEvidence(name, &analyzer.Evidence{Schema: analyzer.EvidenceSchema}); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(victim); err != nil || string(data) != "kept" {
			t.Errorf("the file behind the link has %q, %v", data, err)
		}
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
			t.Errorf("the evidence is %v, %v, want a regular file", info, err)
		}
	}
}
