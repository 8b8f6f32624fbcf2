//go:build e2e

package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// buildkitd builds the daemon of the BuildKit version in go.mod, once.
func buildkitd(t testing.TB) string {
	t.Helper()
	if name := os.Getenv("SLIM_TEST_BUILDKITD"); name != "" {
		return name
	}
	name := filepath.Join(cacheDir(t), "buildkitd")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", name, "github.com/moby/buildkit/cmd/buildkitd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building buildkitd: %v\n%s", err, out)
	}
	return name
}

// startBuildkitd starts a daemon of its own for the test and returns its address.
func startBuildkitd(t testing.TB, args ...string) string {
	t.Helper()
	socket, _ := startWorker(t, args...)
	return "unix://" + socket
}

// startWorker is startBuildkitd for a test that ends the daemon itself.
func startWorker(t testing.TB, args ...string) (socket string, daemon *os.Process) {
	t.Helper()
	dir, err := os.MkdirTemp("", "slim-bkd-")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "b.sock")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(buildkitd(t), append([]string{"--root", filepath.Join(dir, "root"), "--addr", "unix://" + socket, "--otel-socket-path",
		filepath.Join(dir, "otel.sock"), "--containerd-worker=false"}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		log.Close()
		unmountBelow(dir)
		os.RemoveAll(dir)
	})
	for range 100 {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return socket, cmd.Process
		}
		time.Sleep(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("buildkitd does not answer:\n%s", tail(string(text), 20))
	return "", nil
}

// unmountBelow detaches what a daemon that was killed has left mounted.
func unmountBelow(dir string) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return
	}
	lines := strings.Split(string(data), "\n")
	slices.Reverse(lines)
	for _, line := range lines {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			syscall.Unmount(fields[4], syscall.MNT_DETACH)
		}
	}
}

// The same input gives the same layers from every engine.
func TestEngines(t *testing.T) {
	ref := small(t)
	_, want := built(t, ref)
	address := startBuildkitd(t)
	t.Run("address", func(t *testing.T) {
		_, got := built(t, ref, "--engine", address)
		if err := validate.Image(got); err != nil {
			t.Error(err)
		}
		sameLayers(t, want, got)
	})
	t.Run("auto takes BUILDKIT_HOST", func(t *testing.T) {
		out := slimEnv(t, []string{"SLIM_ENGINE=auto", "BUILDKIT_HOST=" + address}, "build", ref, "--output",
			"type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"))
		if out.code != 0 || !strings.Contains(out.stderr, address) {
			t.Errorf("exit code %d, want 0 and a line that names %s:\n%s", out.code, address, tail(out.stderr, 20))
		}
	})
	t.Run("nothing there", func(t *testing.T) {
		out := slim(t, "build", "--engine", "unix:///nowhere/b.sock", ref)
		if out.code != 1 || !strings.Contains(out.stderr, "/nowhere/b.sock") {
			t.Errorf("exit code %d, stderr %q; want 1 and the address", out.code, tail(out.stderr, 5))
		}
	})
}

// An ordinary user with subordinate ids needs no daemon and no root.
func TestRootless(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("makes a user: needs root")
	}
	if _, err := exec.LookPath("newuidmap"); err != nil {
		t.Fatal("the end-to-end tests need newuidmap: apt-get install uidmap")
	}
	const name = "slimtest"
	if _, err := user.Lookup(name); err != nil {
		if out, err := exec.Command("useradd", "--create-home", name).CombinedOutput(); err != nil {
			t.Fatalf("useradd: %v: %s", err, out)
		}
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	work, err := os.MkdirTemp("", "slim-rootless-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(work) })
	writeLayout(t, filepath.Join(work, "in"), smallImage(t))
	for _, file := range []string{"slim", "slim-sensor-linux-amd64"} {
		data, err := os.ReadFile(filepath.Join(agentDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, file), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "-R", name, work).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
	script := fmt.Sprintf("cd %[1]s && export HOME=%[1]s SLIM_AGENT=%[1]s SLIM_ENGINE=embedded && "+
		"unset XDG_RUNTIME_DIR XDG_CACHE_HOME SLIM_CACHE BUILDKIT_HOST; "+
		"exec ./slim build oci:in --output type=oci,tar=false,dest=%[1]s/out", work)
	cmd := exec.Command("setpriv", "--reuid", u.Uid, "--regid", u.Gid, "--init-groups", "sh", "-c", script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(string(out), 40))
	}
	got := readLayout(t, filepath.Join(work, "out"))
	_, want := built(t, small(t))
	sameLayers(t, want, got)
	if out, err := exec.Command("setpriv", "--reuid", u.Uid, "--regid", u.Gid, "--init-groups", "sh", "-c",
		fmt.Sprintf("cd %[1]s && HOME=%[1]s ./slim prune", work)).CombinedOutput(); err != nil {
		t.Errorf("prune: %v: %s", err, out)
	}
}
