package trace

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// spec is what a stub turns itself into: the agent's own program, started again, takes the identity and becomes the command.
type spec struct {
	Argv    []string
	Env     []string
	Dir     string
	Root    string // chroot, "" for none
	User    Identity
	Filter  bool                  // install the tracer's seccomp filter
	Confine *analyzer.Confinement `json:",omitempty"` // the profile to enforce, nil for none
	Stop    bool                  // stop until the tracer has come
	Tracer  int                   // the process that the filter protects, the parent when 0
	// MakeDir makes a working directory that is missing, as runc does for a container's first process.
	MakeDir bool
}

// File descriptors a stub is started with, after the three standard ones.
const (
	stubSpec  = 3 // its spec as JSON
	stubError = 4 // where it says why it could not become the command
)

// Stub is the main function of a stub process: it reads a spec and becomes the command. It must run on the main thread
// (runtime.LockOSThread in an init function), and returns only when something failed.
func Stub() {
	failed := os.NewFile(stubError, "error")
	syscall.CloseOnExec(stubError)
	var s spec
	in := os.NewFile(stubSpec, "spec")
	err := json.NewDecoder(io.LimitReader(in, 16<<20)).Decode(&s)
	in.Close()
	if err == nil {
		ordinary() // before it is traced: its calls are not the application's
		expendable()
		err = s.become()
	}
	fmt.Fprint(failed, err)
	os.Exit(127)
}

// become does the last steps of a container runtime in the calling thread: root and working directory, identity, filter, exec.
func (s *spec) become() error {
	if s.Stop {
		_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
	}
	if s.Root != "" {
		if err := unix.Chroot(s.Root); err != nil {
			return fmt.Errorf("chroot %q: %w", s.Root, err)
		}
	}
	if err := s.enterDir(); err != nil {
		return err
	}
	if err := s.bound(); err != nil {
		return err
	}
	if err := s.identity(); err != nil {
		return err
	}
	if err := s.limit(); err != nil {
		return err
	}
	program, err := lookPath(s.Argv[0], s.Env)
	if err != nil {
		return err
	}
	if err := s.filters(); err != nil {
		return err
	}
	if err := syscall.Exec(program, s.Argv, s.Env); err != nil {
		return fmt.Errorf("exec %q: %w", program, err)
	}
	return nil
}

// filters installs the tracer's filter, and the one of the profile.
func (s *spec) filters() error {
	if s.Filter {
		if err := install(filter(noExec(s.Confine), cmp.Or(s.Tracer, unix.Getppid()))); err != nil {
			return err
		}
	}
	if s.Confine == nil || len(s.Confine.Seccomp) == 0 {
		return nil
	}
	enforce, err := enforcement(s.Confine.Seccomp)
	if err != nil {
		return err
	}
	return install(enforce)
}

func (s *spec) enterDir() error {
	dir := s.Dir
	if dir == "" {
		dir = "/"
	}
	err := os.Chdir(dir)
	if errors.Is(err, os.ErrNotExist) && s.MakeDir {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making the working directory: %w", err)
		}
		err = os.Chdir(dir)
	}
	if err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	return nil
}

// identity changes groups, group and user of this thread alone; exec makes it the process's. A user that is not root keeps one
// capability, CAP_NET_BIND_SERVICE, unless a profile takes it: Docker and containerd let every user bind low ports
// (net.ipv4.ip_unprivileged_port_start is 0 there), and this sandbox does not.
func (s *spec) identity() error {
	if s.User.UID != 0 && runsAs(s.User) {
		return nil // an ordinary user runs its own programs, and may change nothing
	}
	lowPorts := s.User.UID != 0 && (s.Confine == nil || s.Confine.LowPorts)
	if lowPorts {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("keeping capabilities: %w", err)
		}
	}
	groups := append([]uint32{s.User.GID}, s.User.Groups...)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return fmt.Errorf("setgroups %v: %w", groups, errno)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(s.User.GID), uintptr(s.User.GID), uintptr(s.User.GID)); errno != 0 {
		return fmt.Errorf("setgid %d: %w", s.User.GID, errno)
	}
	if s.User.UID == 0 {
		return nil
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(s.User.UID), uintptr(s.User.UID), uintptr(s.User.UID)); errno != 0 {
		return fmt.Errorf("setuid %d: %w", s.User.UID, errno)
	}
	if lowPorts {
		if err := bindLowPorts(); err != nil {
			return err
		}
	}
	// A change of user makes a process undumpable. A tracer without CAP_SYS_PTRACE then cannot read its memory, not even with
	// PTRACE_PEEKDATA (kernel/ptrace.c, ptrace_access_vm), and could not read the exec that follows.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	return nil
}

// runsAs reports whether this process already runs as that user, and is a member of no other group.
func runsAs(id Identity) bool {
	groups, err := os.Getgroups()
	if err != nil || os.Geteuid() != int(id.UID) || os.Getegid() != int(id.GID) {
		return false
	}
	for _, gid := range groups {
		if gid != int(id.GID) && !slices.Contains(id.Groups, uint32(gid)) {
			return false
		}
	}
	for _, gid := range id.Groups {
		if gid != id.GID && !slices.Contains(groups, int(gid)) {
			return false
		}
	}
	return true
}

// lookPath finds the program as execvp does, with the PATH of the command's own environment.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	search := analyzer.DefaultPath
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			search = value
		}
	}
	for _, dir := range strings.Split(search, ":") {
		if dir == "" {
			dir = "."
		}
		full := path.Join(dir, name)
		var stat unix.Stat_t
		if unix.Stat(full, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFREG && stat.Mode&0o111 != 0 {
			if !strings.Contains(full, "/") {
				full = "./" + full
			}
			return full, nil
		}
	}
	return "", fmt.Errorf("exec: %q is in no directory of PATH (%s)", name, search)
}
