//go:build linux

package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// The tests run this binary three times over: the test starts an observer (a tracer waits for every child of its process, so each needs
// one of its own), and the observer traces a tracee. The tracee does what its name says in the directory of the test; the test knows what
// that is and compares.
func init() { runtime.LockOSThread() } // of a stub, and of a tracee that changes its user

// Environment variables that say what this binary is.
const (
	beObserver = "SLIM_OBSERVER" // an order
	beTracee   = "SLIM_TRACEE"   // the name of one
	beConfined = "SLIM_CONFINED" // an observer that has given up its capabilities
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv("SLIM_STUB") != "":
		Stub()
	case os.Getenv(beTracee) != "":
		if err = tracees[os.Getenv(beTracee)](); err == nil {
			os.Exit(0)
		}
	case os.Getenv(beObserver) != "":
		if err = observer(os.Getenv(beObserver)); err == nil {
			os.Exit(0)
		}
	default:
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(9)
}

// order is what an observer is told.
type order struct {
	Entry                 analyzer.Entry
	Bare, Plain, Syscalls bool
	First                 bool // the tracee is the first process of a container, and the tracer its child
	Stop                  bool // as soon as it has printed "ready"
	Exec                  []string
	MaxTasks              int
	MaxBytes              int64
	Confine               *analyzer.Confinement
}

// seen is what it answers.
type seen struct {
	Evidence *analyzer.Evidence
	Run      *analyzer.Run
	Output   analyzer.Answer
	Stops    int
	Exceeded string
	Listen   []analyzer.Socket // just before it is stopped
}

// adopter is the argument of an observer that traces its parent.
const adopter = "adopt"

func observer(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	if os.Getenv(beConfined) == "" {
		return confine(o.First)
	}
	if o.First && os.Args[len(os.Args)-1] != adopter {
		code, err := Become(o.Entry, o.Plain || o.Syscalls || o.Bare, o.Confine, []string{os.Args[0], adopter})
		return fmt.Errorf("not the first process of the container: exit code %d, %w", code, err)
	}
	session, err := New(Options{Entry: o.Entry, Bare: o.Bare, Plain: o.Plain, Syscalls: o.Syscalls, Confine: o.Confine,
		MaxTasks: o.MaxTasks, MaxBytes: o.MaxBytes})
	if err != nil {
		return err
	}
	if o.First {
		if !session.AdoptParent() {
			return errors.New("the parent may not be traced")
		}
	} else if err := session.Spawn(); err != nil {
		return err
	}
	for o.Stop && !strings.Contains(string(session.out.bytes()), "ready") {
		time.Sleep(10 * time.Millisecond)
	}
	got := seen{Evidence: &analyzer.Evidence{Schema: analyzer.EvidenceSchema}, Run: &analyzer.Run{}}
	if o.Stop {
		if got.Listen, err = session.Listening(); err != nil {
			return err
		}
		session.Stop(2 * time.Second)
	} else {
		select {
		case <-session.Exited():
		case got.Exceeded = <-session.Exceeded():
		}
	}
	got.Output = session.Finish(got.Evidence, got.Run)
	got.Evidence.Normalize()
	session.events.Lock()
	got.Stops = session.tracer.stops
	session.events.Unlock()
	return json.NewEncoder(os.Stdout).Encode(got)
}

// sandbox are the capabilities of a process in BuildKit's default sandbox, which is Docker's default set. CAP_SYS_PTRACE is not among them.
var sandbox = []uintptr{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETGID,
	unix.CAP_SETUID,
	unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_SYS_CHROOT, unix.CAP_MKNOD, unix.CAP_AUDIT_WRITE, unix.CAP_SETFCAP}

// confine executes this program again with what it would have in the sandbox: what the tests of root show holds there, too.
func confine(first bool) error {
	if first {
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			return fmt.Errorf("mounting /proc: %w", err)
		}
	}
	if os.Getuid() == 0 {
		for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
			if !slices.Contains(sandbox, capability) {
				_ = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0) // one that this kernel, or this process, does not have
			}
		}
	}
	return syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), beConfined+"=1"))
}

// patience is how long an observer may take: ten times what the longest needs on a slow machine. It is killed then with all its processes
// (what it traces dies with it, PTRACE_O_EXITKILL), and no further one is started: no defect makes the tests hang.
var patience = flag.Duration("patience", 25*time.Second, "how long an observer may take; more under emulation")

var hung atomic.Bool

// observe runs a command under a tracer of its own.
func observe(t *testing.T, o order) seen {
	t.Helper()
	if hung.Load() {
		t.Fatal("an observer before did not end")
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), *patience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), beObserver+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if o.First {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS // makes the mounts private, too
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); o.First && errors.Is(err, syscall.EPERM) {
		t.Skipf("no container can be made here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what a bare run has left
	if ctx.Err() != nil {
		hung.Store(true)
		t.Fatalf("the observer did not end within %v\n%s", *patience, stderr.String())
	}
	var got seen
	// With the first process of a container the tracer ends it; its exit code says nothing.
	if jsonErr := json.Unmarshal(out.Bytes(), &got); jsonErr != nil || err != nil && !o.First {
		t.Fatalf("the observer failed: %v, %v in %.300q\n%s", err, jsonErr, out.String(), stderr.String())
	}
	return got
}

// identity is the user of the tests as an image config says it.
func identity(t *testing.T) string {
	t.Helper()
	if os.Getuid() == 0 {
		return ""
	}
	names := []string{fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())}
	if me, err := user.Current(); err == nil {
		names = append(names, me.Username)
	}
	for _, name := range names {
		if id, err := ResolveUser("/", name); err == nil && runsAs(id) {
			return name
		}
	}
	t.Skipf("user %d is in groups that /etc/group does not give it, and only root can leave them", os.Getuid())
	return ""
}

// command is the order to run argv in dir.
func command(t *testing.T, dir string, argv ...string) order {
	t.Helper()
	return order{Entry: analyzer.Entry{Argv: argv, Env: []string{"PATH=/usr/bin:/bin"}, Dir: dir, User: identity(t)}}
}

// tracee observes one of the functions of tracees in dir.
func tracee(t *testing.T, name, dir string, change ...func(*order)) seen {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := command(t, dir, self)
	o.Entry.Env = append(o.Entry.Env, beTracee+"="+name)
	for _, f := range change {
		f(&o)
	}
	got := observe(t, o)
	if got.Run.ExitCode != 0 && !o.Stop && got.Exceeded == "" {
		t.Fatalf("%s ended with %d: %s%s", name, got.Run.ExitCode, got.Output.Stderr, got.Run.Failure)
	}
	return got
}

// ops are the operations recorded of a path below dir, as words.
func (s seen) ops(dir, name string) string {
	for _, use := range s.Evidence.Paths {
		if use.Path == layers.CleanPath(filepath.Join(dir, name)) {
			words := make([]string, len(use.Ops))
			for i, op := range use.Ops {
				words[i] = string(op)
			}
			return strings.Join(words, " ")
		}
	}
	return ""
}

// errno is what a failed look-up of a path below dir gave.
func (s seen) errno(dir, name string) string {
	for _, m := range s.Evidence.Missing {
		if m.Path == layers.CleanPath(filepath.Join(dir, name)) {
			return m.Errno
		}
	}
	return ""
}

func (s seen) want(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	for name, ops := range want {
		if got := s.ops(dir, name); got != ops {
			t.Errorf("%s: %q, want %q (looked for in vain: %q)", name, got, ops, s.errno(dir, name))
		}
	}
}

func (s seen) wantMissing(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	for name, errno := range want {
		if got := s.errno(dir, name); got != errno {
			t.Errorf("looking for %s: %q, want %q", name, got, errno)
		}
	}
}

// place makes a directory with files. A name that ends with a slash is a directory, "a -> b" a symlink, "a = b" a program with this text.
func place(t *testing.T, names ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		full := filepath.Join(dir, link)
		if strings.Contains(name, " = ") {
			full = dir + "/" + name
		}
		parent := filepath.Dir(strings.SplitN(full, " = ", 2)[0])
		if strings.HasSuffix(name, "/") {
			parent = full
		}
		err := os.MkdirAll(parent, 0o755)
		if err == nil && isLink {
			err = os.Symlink(target, full)
		} else if err == nil && parent != full {
			mode := os.FileMode(0o644)
			path, text, isProgram := strings.Cut(full, " = ")
			if isProgram {
				mode, text = 0o755, strings.ReplaceAll(text, "{dir}", dir)+"\n"
			} else {
				text = name
			}
			if err = os.WriteFile(path, []byte(text), mode); err == nil {
				err = os.Chmod(path, mode) // whatever the umask is
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
