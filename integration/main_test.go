//go:build e2e

package integration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// slimBinary is the program under test, built once with the agent of this machine inside.
var slimBinary, agentDir string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	for _, tool := range []string{"runc", "mmdebstrap"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Fprintf(os.Stderr, "the end-to-end tests need %s: apt-get install %s\n", tool, tool)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "slim-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	slimBinary, agentDir = filepath.Join(dir, "slim"), dir
	for output, pkg := range map[string]string{slimBinary: "../cmd/slim",
		filepath.Join(dir, "slim-sensor-linux-"+runtime.GOARCH): "../cmd/slim-sensor"} {
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", output, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	return m.Run()
}

// cacheDir keeps files that are slow to make between runs of the tests: the Debian root filesystem and BuildKit's cache.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("SLIM_TEST_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(base, "slim-test")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// output is the output and the exit code of a run of slim.
type output struct {
	stdout, stderr string
	code           int
}

// slim runs the program under test with the tests' own cache.
func slim(t testing.TB, args ...string) output {
	t.Helper()
	return slimEnv(t, nil, args...)
}

func slimEnv(t testing.TB, env []string, args ...string) output {
	t.Helper()
	cmd := exec.Command(slimBinary, args...)
	cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(cacheDir(t), "slim"),
		"SLIM_ENGINE="+cmp.Or(os.Getenv("SLIM_TEST_ENGINE"), "embedded"),
		"BUILDKIT_HOST=")
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("slim %q: %v", args, err)
	}
	return output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// mustSlim is slim for a run that has to succeed.
func mustSlim(t testing.TB, args ...string) output {
	t.Helper()
	out := slim(t, args...)
	if out.code != 0 {
		t.Fatalf("slim %q: exit code %d, want 0\n%s", args, out.code, tail(out.stderr, 40))
	}
	return out
}

func tail(s string, lines int) string {
	all := bytes.Split([]byte(s), []byte("\n"))
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return string(bytes.Join(all, []byte("\n")))
}

func decode(t testing.TB, data string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), v); err != nil {
		t.Fatalf("reading %.200q: %v", data, err)
	}
}
