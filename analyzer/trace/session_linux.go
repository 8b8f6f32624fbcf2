package trace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/probe"
)

// Options says what to run and how.
type Options struct {
	Entry    analyzer.Entry
	Bare     bool                  // record nothing: run it for its answers
	Plain    bool                  // without seccomp filter and no_new_privs, stopping at every call
	Syscalls bool                  // record the names of all calls; implies Plain
	Confine  *analyzer.Confinement // a profile to enforce, nil for none
	Mounts   []analyzer.Mount      // not recorded: their files do not belong to the image
	MaxTasks int                   // processes and threads at a time, 0 for no limit
	MaxBytes int64                 // resident memory of all processes, 0 for no limit
	Stdout   io.Writer
	Stderr   io.Writer
}

// Session is one run of an application. Its methods may be called from any goroutine.
type Session struct {
	opt      Options
	tracer   *tracer
	user     Identity
	env      []string
	out, err *capture
	ended    chan struct{}
	status   unix.WaitStatus
	failure  string // why the program could not start
	events   sync.Mutex
	sockets  map[string]bool // inodes of the application's listening sockets
	self     string
	stopMem  chan struct{}
	exceeded chan string // the limit that the application has exceeded
}

// New prepares a session: the user is looked up in the image's own passwd and group files.
func New(opt Options) (*Session, error) {
	user, err := ResolveUser("/", opt.Entry.User)
	if err != nil {
		return nil, err
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	m := modeFilter
	switch {
	case opt.Plain || opt.Syscalls:
		m = modePlain
	case opt.Bare:
		m = modeBare
	}
	t := newTracer(m, opt.Syscalls)
	t.rec.mounts, t.confine, t.maxTasks = opt.Mounts, opt.Confine, opt.MaxTasks
	exceeded := make(chan string, 1)
	t.onLimit = func(limit string) { exceeded <- limit }
	return &Session{exceeded: exceeded, opt: opt, tracer: t, user: user, env: environment(opt.Entry.Env, user), self: self,
		ended: make(chan struct{}), stopMem: make(chan struct{})}, nil
}

// environment is the image's, with the PATH and HOME that a container runtime adds.
func environment(env []string, user Identity) []string {
	out := slices.Clone(env)
	has := func(key string) bool {
		return slices.ContainsFunc(out, func(entry string) bool { return strings.HasPrefix(entry, key+"=") })
	}
	if !has("PATH") {
		out = append(out, "PATH="+analyzer.DefaultPath)
	}
	if !has("HOME") {
		home := user.Home
		if home == "" {
			home = "/"
		}
		out = append(out, "HOME="+home)
	}
	if !has("HOSTNAME") {
		if name, err := os.Hostname(); err == nil {
			out = append(out, "HOSTNAME="+name)
		}
	}
	return out
}

// Home is the application's HOME.
func (s *Session) Home() string {
	for _, entry := range s.env {
		if home, ok := strings.CutPrefix(entry, "HOME="); ok {
			return home
		}
	}
	return ""
}

// first is the spec of the application's first process.
func (s *Session) first() spec {
	return spec{Argv: s.opt.Entry.Argv, Env: s.env, Dir: s.opt.Entry.Dir, User: s.user, Filter: s.tracer.mode == modeFilter,
		Confine: s.opt.Confine, MakeDir: true}
}

// Spawn runs the application as a child of this process, which becomes the reaper of its orphans.
func (s *Session) Spawn() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming a sub-reaper: %w", err)
	}
	c, err := s.start(s.first(), true, s.opt.Stdout, s.opt.Stderr)
	if err != nil {
		return err
	}
	s.out, s.err = c.out, c.err
	s.tracer.main = c.pid
	s.run(func() error { return nil }, nil)
	go func() {
		status := <-c.done
		if text := c.failed(); text != "" {
			s.failure = text
		}
		s.end(status)
	}()
	return nil
}

// Adopt traces the process pid, which waits to become the application (Become) and has given the read ends of its pipes.
func (s *Session) Adopt(pid int, stdout, stderr, failed *os.File) error {
	s.out, s.err = newCapture(stdout, s.opt.Stdout), newCapture(stderr, s.opt.Stderr)
	s.tracer.main = pid
	s.tracer.onEnd = func(status unix.WaitStatus) {
		if text, _ := io.ReadAll(io.LimitReader(nonBlocking(failed), 4096)); len(text) > 0 {
			s.failure = string(text)
		}
		s.end(status)
	}
	seized := make(chan error, 1)
	s.run(func() error { return s.tracer.seize(pid, s.user, s.opt.Entry.Dir) }, seized)
	return <-seized
}

func nonBlocking(f *os.File) io.Reader {
	_ = f.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	return f
}

// run starts the tracer's own thread.
func (s *Session) run(begin func() error, begun chan<- error) {
	go func() {
		runtime.LockOSThread() // never unlocked: all ptrace calls of a tracee come from one thread
		_ = hide()             // it fails for no process
		if s.tracer.mode == modeFilter {
			s.tracer.stay()
		}
		err := begin()
		if begun != nil {
			begun <- err
		}
		if err == nil {
			s.loop()
		}
	}()
	go s.sampleMemory()
	go s.rest()
}

// rest looks at intervals for tasks that no longer need the tracer's processor.
func (s *Session) rest() {
	for {
		select {
		case <-s.stopMem:
			return
		case <-time.After(nearCheck):
			s.events.Lock()
			s.tracer.rest()
			s.events.Unlock()
		}
	}
}

func (s *Session) loop() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WALL|unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ECHILD):
			time.Sleep(5 * time.Millisecond) // a command may be started later
		case err != nil:
			return
		default:
			s.events.Lock()
			s.tracer.event(pid, status)
			s.events.Unlock()
		}
	}
}

func (s *Session) end(status unix.WaitStatus) {
	s.status = status
	close(s.ended)
}

// Exited is closed when the first process has ended.
func (s *Session) Exited() <-chan struct{} { return s.ended }

// Exceeded receives one sentence when the application exceeds a limit. It stands still then.
func (s *Session) Exceeded() <-chan string { return s.exceeded }

// started is a process that this one started.
type started struct {
	pid      int
	out, err *capture
	errors   *os.File
	done     chan unix.WaitStatus
}

// failed returns the stub's message when it could not become the command.
func (c *started) failed() string {
	text, _ := io.ReadAll(io.LimitReader(c.errors, 4096))
	c.errors.Close()
	return string(text)
}

// start starts a stub that becomes the command of sp.
func (s *Session) start(sp spec, traced bool, stdout, stderr io.Writer) (*started, error) {
	sp.Stop = traced
	var files [4][2]*os.File // stdout, stderr, spec, error
	for i := range files {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		files[i] = [2]*os.File{r, w}
	}
	for _, w := range []*os.File{files[0][1], files[1][1]} {
		_ = w.Chown(int(sp.User.UID), int(sp.User.GID)) // so that the program can open /dev/stdout
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	own := &child{traced: traced, user: sp.User, cwd: sp.Dir, done: make(chan unix.WaitStatus, 1)}
	s.tracer.mu.Lock()
	process, err := os.StartProcess(s.self, []string{s.self, "stub"}, &os.ProcAttr{Env: []string{"SLIM_STUB=1"}, Sys: ownSession,
		Files: []*os.File{null, files[0][1], files[1][1], files[2][0], files[3][1]}})
	if err == nil {
		s.tracer.children[process.Pid] = own
	}
	s.tracer.mu.Unlock()
	files[0][1].Close()
	files[1][1].Close()
	files[2][0].Close()
	files[3][1].Close()
	if err != nil {
		return nil, fmt.Errorf("starting a process: %w", err)
	}
	err = json.NewEncoder(files[2][1]).Encode(sp)
	files[2][1].Close()
	return &started{process.Pid, newCapture(files[0][0], stdout), newCapture(files[1][0], stderr), files[3][0], own.done}, err
}

// Exec runs a command beside the application; see probe.Target.
func (s *Session) Exec(ctx context.Context, cmd probe.Command) (probe.Result, error) {
	user, err := s.user, error(nil)
	if cmd.User != "" {
		if user, err = ResolveUser("/", cmd.User); err != nil {
			return probe.Result{}, err
		}
	}
	sp := spec{Argv: cmd.Argv, Env: cmd.Env, Dir: cmd.Dir, User: user, Root: cmd.Root, Filter: s.tracer.mode == modeFilter && cmd.Root == ""}
	if cmd.Root == "" {
		sp.Confine = s.opt.Confine
	}
	if sp.Env == nil {
		sp.Env = s.env
	}
	if sp.Dir == "" && cmd.Root == "" {
		sp.Dir = s.opt.Entry.Dir
	}
	if cmd.Root != "" {
		sp.User = Identity{}
		prepareRoot(cmd.Root)
	}
	c, err := s.start(sp, cmd.Root == "", s.opt.Stdout, s.opt.Stderr)
	if err != nil {
		return probe.Result{}, err
	}
	select {
	case status := <-c.done:
		if text := c.failed(); text != "" {
			return probe.Result{ExitCode: 127, Stderr: []byte(text)}, nil
		}
		c.out.drain()
		c.err.drain()
		return probe.Result{ExitCode: exitCode(status), Stdout: c.out.bytes(), Stderr: c.err.bytes(), StdoutSize: c.out.size,
			StdoutSHA: c.out.sum()}, nil
	case <-ctx.Done():
		_ = unix.Kill(c.pid, unix.SIGKILL)
		return probe.Result{}, fmt.Errorf("%q: %w", cmd.Argv, ctx.Err())
	}
}

// exitCode is the code a shell would give: 128 and the signal's number for a killed program.
func exitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// maxTail is how much of the end of an output is kept, in bytes.
const maxTail = 2 << 10

// capture copies a pipe to a writer and keeps its beginning and the end of it.
type capture struct {
	r    *os.File
	tee  io.Writer
	mu   sync.Mutex
	head []byte
	tail []byte
	size int64
	hash hash.Hash
	done chan struct{}
}

func newCapture(r *os.File, tee io.Writer) *capture {
	if tee == nil {
		tee = io.Discard
	}
	c := &capture{r: r, tee: tee, hash: sha256.New(), done: make(chan struct{})}
	go c.copy()
	return c
}

func (c *capture) copy() {
	defer close(c.done)
	buf := make([]byte, 32<<10)
	for {
		n, err := c.r.Read(buf)
		c.mu.Lock()
		c.hash.Write(buf[:n])
		c.size += int64(n)
		if room := analyzer.MaxBody - len(c.head); room > 0 {
			c.head = append(c.head, buf[:min(n, room)]...)
		}
		c.tail = append(c.tail, buf[:n]...)
		c.tail = c.tail[max(0, len(c.tail)-maxTail):]
		c.mu.Unlock()
		_, _ = c.tee.Write(buf[:n])
		if err != nil {
			c.r.Close()
			return
		}
	}
}

// last returns the end of the captured output, and the length of all of it.
func (c *capture) last() ([]byte, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.tail), c.size
}

// Fate implements probe.Watched.
func (s *Session) Fate() probe.Fate {
	s.events.Lock()
	fate := probe.Fate{Failed: s.tracer.failed, Moves: s.tracer.moves}
	s.events.Unlock()
	for _, c := range []*capture{s.out, s.err} {
		said, size := c.last()
		fate.Said, fate.Moves = append(append(fate.Said, said...), '\n'), fate.Moves+size
	}
	return fate
}

// drain waits for the output that was written before the writer ended; a held process may keep the pipe open.
func (c *capture) drain() {
	_ = c.r.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	<-c.done
}

func (c *capture) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.head)
}

func (c *capture) sum() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return hex.EncodeToString(c.hash.Sum(nil))
}
