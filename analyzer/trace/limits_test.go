//go:build linux

package trace

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func init() {
	tracees["bomb"] = func() error {
		for {
			cmd := exec.Command("/proc/self/exe") // it does the same
			if cmd.Start() != nil {
				time.Sleep(time.Millisecond)
			}
		}
	}
	tracees["hog"] = func() error {
		var all [][]byte
		for {
			block := make([]byte, 16<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			all = append(all, block)
			_ = all
		}
	}
	tracees["inherited"] = inherited
}

// A fork bomb, and a program that takes more and more memory, end the run.
func TestAttackLimits(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			for name, test := range map[string]struct {
				change func(*order)
				want   string
			}{
				"bomb": {func(o *order) { o.MaxTasks = 150 }, "it had more than 150 processes and threads"},
				"hog":  {func(o *order) { o.MaxBytes = 200 << 20 }, "it used more than 200 MiB of memory"},
			} {
				start := time.Now()
				got := tracee(t, name, "/", way.change, test.change)
				if !strings.Contains(got.Exceeded, test.want) {
					t.Errorf("%s: exceeded %q, want %q", name, got.Exceeded, test.want)
				}
				if len(got.Evidence.Processes) == 0 {
					t.Errorf("%s: no process is in the evidence", name)
				}
				if took := time.Since(start); took > *patience/2 {
					t.Errorf("%s: it took %v", name, took)
				}
			}
		})
	}
}

// inherited prints what a program has from the one that started it.
func inherited() error {
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	domain, _, _ := unix.Syscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "Umask") || strings.HasPrefix(line, "SigIgn") || strings.HasPrefix(line, "SigBlk") {
			fmt.Print(line)
		}
	}
	soft := regexp.MustCompile(`(?m)^(.{26})(\S+).*$`).ReplaceAllString(string(limits), "$1$2")
	fmt.Println("personality", domain)
	fmt.Println(soft)
	return nil
}

// What the caller's process is does not reach the application: umask, limits, ignored signals, execution domain.
func TestAttackCaller(t *testing.T) {
	want := string(tracee(t, "inherited", "/").Output.Body)
	if !strings.Contains(want, "Umask:\t0022") || !strings.Contains(want, "personality 0") {
		t.Errorf("it has\n%s", want)
	}
	umask := unix.Umask(0o077)
	signal.Ignore(unix.SIGHUP, unix.SIGTSTP)
	var core, files unix.Rlimit
	if err := all(unix.Getrlimit(unix.RLIMIT_CORE, &core), unix.Getrlimit(unix.RLIMIT_NOFILE, &files)); err != nil {
		t.Fatal(err)
	}
	domain, _, _ := unix.Syscall(unix.SYS_PERSONALITY, 0x0040000, 0, 0) // ADDR_NO_RANDOMIZE
	err := all(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: core.Max, Max: core.Max}),
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: files.Max}))
	t.Cleanup(func() {
		unix.Umask(umask)
		signal.Reset(unix.SIGHUP, unix.SIGTSTP)
		_, _, _ = unix.Syscall(unix.SYS_PERSONALITY, domain, 0, 0)
		if err := all(unix.Setrlimit(unix.RLIMIT_CORE, &core), unix.Setrlimit(unix.RLIMIT_NOFILE, &files)); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ways {
		if got := string(tracee(t, "inherited", "/", way.change).Output.Body); got != want {
			t.Errorf("%s (-want +got):\n%s", way.name, cmp.Diff(want, got))
		}
	}
}

// The agent's own preparations are not calls of the application: they would be in its seccomp profile.
func TestOrdinaryIsNotRecorded(t *testing.T) {
	for _, first := range []bool{false, true} {
		o := command(t, "/", "true")
		o.Plain, o.First = true, first
		got := observe(t, o)
		if slices.Contains(got.Evidence.Syscalls, "personality") || slices.Contains(got.Evidence.Syscalls, "umask") {
			t.Errorf("first process %t: calls %q", first, got.Evidence.Syscalls)
		}
		if !slices.Contains(got.Evidence.Syscalls, "execve") {
			t.Errorf("first process %t: no execve in %q", first, got.Evidence.Syscalls)
		}
	}
}
