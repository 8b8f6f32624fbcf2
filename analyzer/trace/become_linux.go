package trace

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// File descriptors that a tracer started by Become finds open, after the three standard ones.
const (
	adoptStdout = 3 // read end of what the application prints
	adoptStderr = 4
	adoptError  = 5 // read end of why the application could not start
	adoptAnswer = 6 // the tracer writes one byte: answerSeized or answerRefused
)

// ownSession keeps signals to the process group of one side from the other.
var ownSession = &syscall.SysProcAttr{Setsid: true}

const (
	answerSeized  = 's'
	answerRefused = 'r'
)

// Become makes the calling process, the first of its container, the application: it starts the agent again with args as its
// tracer, waits until the tracer is attached, and executes the entry. So the application has process number 1, which init systems
// require. Become must run on the main thread. It returns the tracer's exit code when the tracer may not trace its parent and runs
// the application itself, or an error.
func Become(entry analyzer.Entry, plain bool, confine *analyzer.Confinement, args []string) (int, error) {
	user, err := ResolveUser("/", entry.User)
	if err != nil {
		return 0, err
	}
	ordinary()
	var pipes [4][2]*os.File // stdout, stderr, error, answer
	for i := range pipes {
		if pipes[i][0], pipes[i][1], err = os.Pipe(); err != nil {
			return 0, err
		}
	}
	tracer, err := os.StartProcess("/proc/self/exe", args, &os.ProcAttr{Env: os.Environ(), Sys: ownSession,
		Files: []*os.File{nil, os.Stdout, os.Stderr, pipes[0][0], pipes[1][0], pipes[2][0], pipes[3][1]}})
	if err != nil {
		return 0, fmt.Errorf("starting the tracer: %w", err)
	}
	expendable()
	// Where Yama restricts ptrace, a process may name the one that traces it (prctl(2), PR_SET_PTRACER).
	_ = unix.Prctl(unix.PR_SET_PTRACER, uintptr(tracer.Pid), 0, 0, 0)
	pipes[3][1].Close()
	var answer [1]byte
	if _, err := pipes[3][0].Read(answer[:]); err != nil || answer[0] != answerSeized {
		return waitFor(tracer)
	}
	null, err := os.Open(os.DevNull)
	if err == nil {
		err = unix.Dup3(int(null.Fd()), 0, 0)
	}
	for fd, pipe := range map[int]*os.File{1: pipes[0][1], 2: pipes[1][1]} {
		_ = pipe.Chown(int(user.UID), int(user.GID)) // so that the program can open /dev/stdout
		if err == nil {
			err = unix.Dup3(int(pipe.Fd()), fd, 0)
		}
	}
	if err == nil {
		s := spec{Argv: entry.Argv, Env: environment(entry.Env, user), Dir: entry.Dir, User: user, Filter: !plain, Confine: confine,
			Tracer: tracer.Pid, MakeDir: true}
		err = s.become()
	}
	fmt.Fprint(pipes[2][1], err)
	syscall.Exit(127)
	return 0, nil
}

// waitFor is the work of a first process that is not the application itself: it reaps its children until the tracer ends.
func waitFor(tracer *os.Process) (int, error) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if pid == tracer.Pid {
			return exitCode(status), nil
		}
	}
}

// AdoptParent is the tracer's side of Become. It returns false when the parent may not be traced: the caller must then spawn the
// application.
func (s *Session) AdoptParent() bool {
	answer := os.NewFile(adoptAnswer, "answer")
	defer answer.Close()
	_ = syscall.SetNonblock(adoptStdout, true)
	_ = syscall.SetNonblock(adoptStderr, true)
	_ = syscall.SetNonblock(adoptError, true)
	out, stderr, failed := os.NewFile(adoptStdout, "stdout"), os.NewFile(adoptStderr, "stderr"), os.NewFile(adoptError, "error")
	if err := s.Adopt(os.Getppid(), out, stderr, failed); err != nil {
		_, _ = answer.Write([]byte{answerRefused})
		return false
	}
	_, _ = answer.Write([]byte{answerSeized})
	return true
}
