//go:build e2e

package integration

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

var attackerProgram = sync.OnceValues(func() ([]byte, error) { return program("./testdata/attacker") })

// attacker is an image of one program that does what its arguments say (testdata/attacker).
func attacker(t *testing.T, name string, attacks ...string) string {
	t.Helper()
	data, err := attackerProgram()
	must(t, err)
	img, err := mutate.AppendLayers(empty.Image, entriesLayer(t, []entry{
		{tar.Header{Name: "attacker", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(data))}, data}}))
	must(t, err)
	return addToLayout(t, name, img, v1.Config{Entrypoint: append([]string{"/attacker"}, attacks...)})
}

// program builds one of the test programs.
func program(pkg string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "slim-program-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", name, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if _, err := cmd.CombinedOutput(); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}

// An application of root writes evidence of its own and kills its tracer: neither is possible, and the evidence is the true one.
func TestAttackForge(t *testing.T) {
	out := mustSlim(t, "observe", "--progress", "quiet", attacker(t, "forge", "forge"))
	var evidence analyzer.Evidence
	decode(t, out.stdout, &evidence)
	if len(evidence.Runs) != 1 || len(evidence.Runs[0].Answers) != 1 || evidence.Runs[0].Kind != analyzer.KindCommand {
		t.Fatalf("runs %+v, want one of a command with its output", evidence.Runs)
	}
	said := string(evidence.Runs[0].Answers[0].Body)
	want := []string{"list true"} // the directory may be looked at
	for _, line := range strings.Split(strings.TrimSpace(said), "\n") {
		if strings.HasSuffix(line, " true") && line != want[0] {
			t.Errorf("the application could: %s", line)
		}
	}
	for _, attack := range []string{"mem", "root", "oom", "move", "evidence.json", "seal", "directory", "link", "at", "kill", "kill all"} {
		if !strings.Contains("\n"+said, "\n"+attack+" false\n") {
			t.Errorf("%q was not tried:\n%s", attack, said)
		}
	}
}

// A tracer that stands still, as an application could make it where no call can be refused, does not keep slim: neither from its time limit
// nor from ending when it is told to.
func TestAttackStop(t *testing.T) {
	ref := attacker(t, "stand-still", "stop", "sleep")
	for _, test := range []struct {
		name    string
		timeout string
		signal  os.Signal // sent to slim
		within  time.Duration
		code    int
		says    string
	}{
		{"the time limit", "3", nil, 45 * time.Second, 1, "did not end within"},
		{"a signal", "100", syscall.SIGTERM, 20 * time.Second, 130, "cancelled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(slimBinary, "observe", "--progress", "plain", "--timeout", test.timeout, ref)
			cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(dir, "cache"), "SLIM_ENGINE=embedded",
				"BUILDKIT_HOST=")
			var said strings.Builder
			cmd.Stderr = &said
			must(t, cmd.Start())
			must(t, syscall.Kill(tracerBelow(t, cmd.Process.Pid), syscall.SIGSTOP))
			start := time.Now()
			if test.signal != nil {
				must(t, cmd.Process.Signal(test.signal))
			}
			timer := time.AfterFunc(2*test.within, func() { cmd.Process.Kill() })
			_ = cmd.Wait()
			timer.Stop()
			if took := time.Since(start); took > test.within {
				t.Errorf("it ended after %v, want at most %v", took, test.within)
			}
			if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(said.String(), test.says) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.says, tail(said.String(), 10))
			}
			nothingStays(t, dir)
		})
	}
}

// tracerBelow waits for the tracer that a slim process has started.
func tracerBelow(t *testing.T, slim int) int {
	t.Helper()
	for range 300 {
		time.Sleep(50 * time.Millisecond)
		names, err := filepath.Glob("/proc/[0-9]*/cmdline")
		must(t, err)
		for _, name := range names {
			line, _ := os.ReadFile(name)
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if strings.HasSuffix(string(line), "--adopt\x00") && isBelow(pid, slim) {
				return pid
			}
		}
	}
	t.Fatal("no tracer after 15 s")
	return 0
}

func isBelow(pid, ancestor int) bool {
	for pid > 1 && pid != ancestor {
		data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		_, rest, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			return false
		}
		pid, _ = strconv.Atoi(fields[1])
	}
	return pid == ancestor
}

// nothingStays checks that no mount and no process mentions a directory.
func nothingStays(t *testing.T, dir string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	if strings.Contains(string(mounts), dir) {
		t.Errorf("a mount was left:\n%s", grep(string(mounts), dir))
	}
	if out, err := exec.Command("pgrep", "-f", dir).Output(); err == nil {
		t.Errorf("processes were left: %s", out)
	}
}

// Named pipes in place of files that slim reads: nothing waits for somebody to write into them.
func TestAttackPipes(t *testing.T) {
	pipes := func(names ...string) (list []entry) {
		for _, name := range names {
			list = append(list, entry{tar.Header{Name: name, Typeflag: tar.TypeFifo, Mode: 0o644}, nil})
		}
		return list
	}
	start := time.Now()
	refused(t, 1, "/etc/passwd of the image is not a regular file", doImage(t, "pipe-passwd", v1.Config{}, pipes("etc/passwd"), "stat:/"))
	read := doImage(t, "pipes", v1.Config{}, pipes("etc/os-release", "usr/lib/os-release", "etc/nsswitch.conf", "etc/ld.so.cache",
		"etc/ld.so.conf", "etc/alternatives", "etc/host.conf", "lib/apk/db/installed", "var/lib/dpkg/status", "var/lib/dpkg/available"),
		"stat:/etc/nsswitch.conf", "stat:/etc/ld.so.cache")
	out := slim(t, "build", "--progress", "quiet", "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "out.tar"), read)
	if out.code != 0 && out.code != 1 {
		t.Errorf("exit code %d:\n%s", out.code, tail(out.stderr, 20))
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

// A fork bomb ends its run, and nothing of it is left.
func TestAttackForks(t *testing.T) {
	start := time.Now()
	out := slim(t, "observe", "--progress", "quiet", "--max-processes", "300", attacker(t, "forks", "forks"))
	if want := "more than 300 processes and threads"; out.code != 3 || !strings.Contains(out.stderr, want) {
		t.Errorf("exit code %d, want 3 and %q:\n%s", out.code, want, tail(out.stderr, 10))
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if left, err := exec.Command("pgrep", "-f", "^/attacker forks").Output(); err == nil {
		t.Errorf("processes were left: %s", left)
	}
}

// The umask, limits, locale, time zone, home and signals of who runs slim reach nothing in an image.
func TestAttackCallerOfSlim(t *testing.T) {
	ref := small(t)
	build := func(setting string) string {
		dir := t.TempDir()
		dest := filepath.Join(dir, "out.tar")
		cmd := exec.Command("sh", "-c", setting+` exec "$@"`, "sh", slimBinary, "build", "--progress", "quiet", "--no-attest", "--output",
			"type=oci,dest="+dest, "--format", "json", ref)
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(dir, "cache"), "SLIM_ENGINE=embedded",
			"BUILDKIT_HOST=", "SOURCE_DATE_EPOCH=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", setting, err, out)
		}
		var result builder.Result
		decode(t, string(out), &result)
		if result.Config.User == "0:0" || !result.Verdict.OK || !result.Verdict.Confined {
			t.Errorf("%s: user %s, verdict %+v", setting, result.Config.User, result.Verdict)
		}
		return result.Manifest
	}
	want := build("umask 022;")
	got := build(`umask 077; ulimit -S -n 256; ulimit -S -s 1024; trap "" HUP TSTP; export LC_ALL=tr_TR.UTF-8 TZ=Pacific/Apia HOME=/nowhere;`)
	if got != want {
		t.Errorf("the image is %s, with other settings of the caller %s", want, got)
	}
}
