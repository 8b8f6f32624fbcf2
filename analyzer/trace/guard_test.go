//go:build linux

package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func init() {
	tracees["forge"] = forge
	tracees["signals"] = signals
}

// tracerOf is the process that traces this one.
func tracerOf() (int, error) {
	pid, ok := field("/proc/self/status", "TracerPid")
	if !ok || pid == 0 {
		return 0, errors.New("nobody traces this process")
	}
	return pid, nil
}

// attempts are what an application may try to get at its tracer, and what each gives.
func attempts(tracer int) map[string]error {
	call := func(number uintptr, args ...uintptr) error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
	open := func(name string, flags int) error {
		fd, err := unix.Open(name, flags, 0o600)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	pid := uintptr(tracer)
	proc := "/proc/" + strconv.Itoa(tracer)
	var buf [8]byte
	iov := unix.Iovec{Base: &buf[0], Len: 8}
	vector := uintptr(unsafe.Pointer(&iov))
	limit := unix.Rlimit{Cur: 1, Max: 1}
	owner := [2]int32{1, int32(tracer)} // F_OWNER_PID
	pipe, _, _ := os.Pipe()
	_, self, _ := strings.Cut(fmt.Sprintf("%s", os.Args[0]), "/")
	return map[string]error{
		"kill":               unix.Kill(tracer, unix.SIGKILL),
		"kill with 0":        unix.Kill(tracer, 0),
		"stop":               unix.Kill(tracer, unix.SIGSTOP),
		"kill its group":     unix.Kill(-tracer, unix.SIGKILL),
		"tkill":              call(unix.SYS_TKILL, pid, uintptr(unix.SIGKILL)),
		"tgkill":             unix.Tgkill(tracer, tracer, unix.SIGSTOP),
		"rt_sigqueueinfo":    call(unix.SYS_RT_SIGQUEUEINFO, pid, uintptr(unix.SIGKILL), vector),
		"rt_tgsigqueueinfo":  call(unix.SYS_RT_TGSIGQUEUEINFO, pid, pid, uintptr(unix.SIGKILL), vector),
		"ptrace":             unix.PtraceAttach(tracer),
		"seize":              unix.PtraceSeize(tracer),
		"process_vm_readv":   call(unix.SYS_PROCESS_VM_READV, pid, vector, 1, vector, 1),
		"process_vm_writev":  call(unix.SYS_PROCESS_VM_WRITEV, pid, vector, 1, vector, 1),
		"pidfd_open":         call(unix.SYS_PIDFD_OPEN, pid),
		"kcmp":               call(unix.SYS_KCMP, uintptr(unix.Getpid()), pid),
		"prlimit64":          call(unix.SYS_PRLIMIT64, pid, unix.RLIMIT_CPU, uintptr(unsafe.Pointer(&limit))),
		"setpriority":        unix.Setpriority(unix.PRIO_PROCESS, tracer, 19),
		"sched_setaffinity":  unix.SchedSetaffinity(tracer, &unix.CPUSet{1}),
		"F_SETOWN":           call(unix.SYS_FCNTL, pipe.Fd(), unix.F_SETOWN, pid),
		"F_SETOWN_EX":        call(unix.SYS_FCNTL, pipe.Fd(), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&owner))),
		"FIOSETOWN":          call(unix.SYS_IOCTL, pipe.Fd(), fioSetOwn, uintptr(unsafe.Pointer(&owner[1]))),
		"its memory":         open(proc+"/mem", unix.O_RDWR),
		"its environment":    open(proc+"/environ", unix.O_RDONLY),
		"its files":          open(proc+"/fd", unix.O_RDONLY),
		"its root":           open(proc+"/root/etc", unix.O_RDONLY),
		"its OOM score":      open(proc+"/oom_score_adj", unix.O_WRONLY),
		"by its thread":      open("/proc/self/task/1/../../../"+strconv.Itoa(tracer)+"/oom_score_adj", unix.O_WRONLY),
		"through a root":     open("/proc/self/root"+proc+"/oom_score_adj", unix.O_WRONLY),
		"behind a root":      open("/proc/self/root/../"+proc+"/oom_score_adj", unix.O_WRONLY),
		"its own executable": open("/proc/self/root/"+self, unix.O_RDONLY),
	}
}

// forge prints what its attempts give.
func forge() error {
	tracer, err := tracerOf()
	if err != nil {
		return err
	}
	got := map[string]string{}
	for name, err := range attempts(tracer) {
		got[name] = fmt.Sprint(err)
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

// An application of root cannot end, stop, read or change its tracer, and it gets its evidence.
func TestAttackTracer(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			got := tracee(t, "forge", "/", way.change)
			var results map[string]string
			if err := json.Unmarshal(got.Output.Body, &results); err != nil {
				t.Fatalf("%v in %q", err, got.Output.Body)
			}
			for name, result := range results {
				want := unix.ESRCH.Error()
				switch {
				case name == "its own executable":
					want = "<nil>"
				case strings.HasPrefix(name, "its ") || strings.HasSuffix(name, " root") || name == "by its thread":
					want = unix.ENOENT.Error()
				}
				if result != want {
					t.Errorf("%s: %s, want %s", name, result, want)
				}
			}
		})
	}
}

// signals sends signals that every application may send.
func signals() error {
	start := func() *exec.Cmd {
		cmd := exec.Command("/bin/sleep", "60")
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		return cmd
	}
	ended := func(cmd *exec.Cmd) string {
		timer := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		return fmt.Sprint(cmd.Wait())
	}
	one, two, three, zombie := start(), start(), start(), exec.Command("/bin/true")
	got := map[string]string{"kill": fmt.Sprint(unix.Kill(one.Process.Pid, unix.SIGTERM)), "child": ended(one)}
	got["all"] = fmt.Sprint(unix.Kill(-1, unix.SIGHUP))
	got["second"], got["third"] = ended(two), ended(three)
	got["nobody"] = fmt.Sprint(unix.Kill(-1, 0))
	if err := zombie.Start(); err != nil {
		return err
	}
	for data := ""; !strings.Contains(data, ") Z "); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(zombie.Process.Pid), "stat"))
		if err != nil {
			return err
		}
		data = string(text)
	}
	got["zombie"] = fmt.Sprint(unix.Kill(zombie.Process.Pid, 0))
	_ = zombie.Wait()
	got["waited for"] = fmt.Sprint(unix.Kill(zombie.Process.Pid, 0))
	got["itself"] = fmt.Sprint(unix.Kill(unix.Getpid(), 0))
	got["its group"] = fmt.Sprint(unix.Kill(0, 0))
	return json.NewEncoder(os.Stdout).Encode(got)
}

// What an application sends to its own processes arrives, also what it sends to all.
func TestSignals(t *testing.T) {
	want := map[string]string{"kill": "<nil>", "child": "signal: terminated", "all": "<nil>", "second": "signal: hangup",
		"third": "signal: hangup", "nobody": "no such process", "zombie": "<nil>", "waited for": "no such process", "itself": "<nil>",
		"its group": "<nil>"}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			got := tracee(t, "signals", "/", way.change)
			var results map[string]string
			if err := json.Unmarshal(got.Output.Body, &results); err != nil {
				t.Fatalf("%v in %q", err, got.Output.Body)
			}
			if diff := cmp.Diff(want, results); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestGuardPath has the mount points of the agent.
func TestGuardPath(t *testing.T) {
	tr := newTracer(modeFilter, false)
	for _, test := range []struct {
		path    string
		changes bool
		want    unix.Errno
	}{
		{"/.slim/out/evidence.json", true, unix.EROFS},
		{"/.slim/out/evidence.json", false, 0},
		{"/.slim", true, unix.EROFS},
		{"/.slim/./out/", true, unix.EROFS},
		{"/.slimmer", true, 0},
		{"/etc/passwd", true, 0},
		{"/proc/self/oom_score_adj", true, 0},
		{"/proc/1x", false, 0},
		{"/proc/" + strconv.Itoa(os.Getpid()) + "/stat", false, unix.ENOENT},
		{"/proc/x/../" + strconv.Itoa(os.Getpid()), false, unix.ENOENT},
	} {
		if got := tr.guardPath(test.path, test.changes); got != test.want {
			t.Errorf("guardPath(%q, %t) = %v, want %v", test.path, test.changes, got, test.want)
		}
	}
}

func TestBeforeLink(t *testing.T) {
	for name, want := range map[string]string{
		"/proc/self/../42/mem":            "/proc/42/mem",
		"/proc//./self/cwd/../x":          "/proc/self/cwd/../x",
		"/proc/self/../self/root/../proc": "/proc/self/root/../proc",
		"/proc/self/fd/7/../x":            "/proc/self/fd/7/../x",
		"/proc/self/fd/../cwd":            "/proc/self/cwd",
		"/dev/fd/7/../x":                  "/dev/fd/7/../x",
		"/proc/../..":                     "/",
	} {
		if got := beforeLink(name); got != want {
			t.Errorf("beforeLink(%q) = %q, want %q", name, got, want)
		}
	}
}
