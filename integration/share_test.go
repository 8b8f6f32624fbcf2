//go:build e2e

package integration

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// running is a slim whose engine is open.
type running struct {
	cmd    *exec.Cmd
	layout string
	mu     sync.Mutex
	stderr strings.Builder
	read   sync.WaitGroup
}

// startSlim starts a build with a cache of its own and returns when the engine is open or slim has ended.
func startSlim(t *testing.T, cache, ref string, args ...string) *running {
	t.Helper()
	r := &running{layout: filepath.Join(t.TempDir(), "layout")}
	r.cmd = exec.Command(slimBinary, append([]string{"build", ref, "--output", "type=oci,tar=false,dest=" + r.layout, "--progress", "plain"},
		args...)...)
	r.cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+cache, "SLIM_ENGINE=embedded", "BUILDKIT_HOST=")
	pipe, err := r.cmd.StderrPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	open := make(chan struct{})
	r.read.Go(func() {
		once := sync.OnceFunc(func() { close(open) })
		defer once()
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			r.mu.Lock()
			r.stderr.WriteString(lines.Text() + "\n")
			r.mu.Unlock()
			if strings.HasPrefix(lines.Text(), "slim: engine: ") {
				once()
			}
		}
	})
	<-open
	return r
}

// end waits for the end of slim; the error has its output.
func (r *running) end(t *testing.T) error {
	t.Helper()
	r.read.Wait()
	err := r.cmd.Wait()
	if err != nil {
		t.Logf("%v:\n%s", err, tail(r.stderr.String(), 20))
	}
	if strings.Contains(r.stderr.String(), "private cache") {
		t.Errorf("it had a private cache:\n%s", r.stderr.String())
	}
	return err
}

// Several builds share one engine, also builds of the same image with the same run. If one is killed, the others go on; if the engine is
// killed, they say so; and nothing is left.
func TestSharedEngine(t *testing.T) {
	ref, cache := small(t), filepath.Join(t.TempDir(), "cache")
	_, want := built(t, ref)
	killed, first := startSlim(t, cache, ref), startSlim(t, cache, ref)
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	second := startSlim(t, cache, ref)
	if err := killed.end(t); err == nil {
		t.Error("the first build was not killed")
	}
	for _, r := range []*running{first, second} {
		if err := r.end(t); err != nil {
			t.Fatal("a build failed after another was killed")
		}
		sameLayers(t, want, readLayout(t, r.layout))
	}
	left, err := filepath.Glob(filepath.Join(cache, "buildkit", "engine-*"))
	if err != nil || len(left) != 0 || len(engines(t, cache)) != 0 {
		t.Errorf("after the last build: sockets %q, engines %v, want none", left, engines(t, cache))
	}
	victim := startSlim(t, cache, ref, "--env", "ANOTHER=run")
	for _, pid := range engines(t, cache) {
		command(t, "kill", "-9", pid)
	}
	if err := victim.end(t); err == nil || !strings.Contains(victim.stderr.String(), "slim: the process of the embedded BuildKit was killed") {
		t.Errorf("after the engine was killed: %v\n%s", err, tail(victim.stderr.String(), 10))
	}
	if out := slimEnv(t, []string{"SLIM_CACHE=" + cache}, "prune"); out.code != 0 {
		t.Errorf("prune: exit code %d\n%s", out.code, out.stderr)
	}
}

// engines are the processes of the embedded engine for a cache.
func engines(t *testing.T, cache string) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		args, _ := os.ReadFile(file) // the process may have ended
		if strings.Contains(string(args), "\x00_engine\x00") && strings.Contains(string(args), cache) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
