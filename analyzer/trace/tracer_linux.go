package trace

import (
	"fmt"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// options of every tracee. EXITKILL: nothing outlives the tracer.
const ptraceOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACEEXIT | unix.PTRACE_O_TRACESECCOMP

// mode is how much a tracer stops.
type mode int

const (
	modeFilter mode = iota // at the calls of the seccomp filter
	modePlain              // at every call
	modeBare               // only when a program ends
)

// tracer is the one thread that makes all ptrace calls, and what it knows.
type tracer struct {
	// beforeEnd is called when the first process is about to end, and lets it end; when it is nil, the process is held there.
	beforeEnd func(unix.WaitStatus)

	mode     mode
	names    bool                  // record the names of all calls
	confine  *analyzer.Confinement // the profile whose noexec mounts the tracer plays, nil for none
	rec      *recorder
	walk     *walker
	tasks    map[int]*task
	sockets  map[string]bool         // inodes of those that a traced process bound or listened on
	served   map[netip.AddrPort]bool // addresses on which traced processes listen by TCP
	early    map[int]bool            // new tasks that stopped before the event of their parent
	mu       sync.Mutex
	children map[int]*child        // started by this process, by pid
	main     int                   // pid of the application's first process
	stopping bool                  // the run is being stopped
	frozen   bool                  // no task goes on from where it stops
	maxTasks int                   // 0 for no limit
	onLimit  func(string)          // called once where the application exceeds a limit
	held     bool                  // the first process has ended and is held where it can still be looked at
	onEnd    func(unix.WaitStatus) // of an adopted first process
	place    *unix.CPUSet          // the tracer's processor, nil where it has none of its own
	failed   int                   // processes that ended in failure
	moves    int64                 // processes and threads that began or ended
	stops    int                   // how often a task was stopped: what tracing costs
}

// child is a process that this one started.
type child struct {
	traced bool
	user   Identity
	cwd    string
	done   chan unix.WaitStatus
}

func newTracer(m mode, names bool) *tracer {
	return &tracer{mode: m, names: names, rec: newRecorder(), walk: newWalker(), tasks: map[int]*task{}, early: map[int]bool{},
		sockets: map[string]bool{}, served: map[netip.AddrPort]bool{}, children: map[int]*child{}}
}

// seize begins to trace a process that this one did not start.
func (t *tracer) seize(pid int, user Identity, cwd string) error {
	options := uintptr(ptraceOptions)
	if t.mode == modeBare {
		options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACEEXIT | unix.PTRACE_O_TRACEEXEC
	}
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, options, 0, 0); errno != 0 {
		return fmt.Errorf("tracing process %d: %w", pid, errno)
	}
	if cwd == "" {
		cwd = "/"
	}
	if t.mode == modePlain {
		// It has to stop once: the tracer can let it run to its next call only from a stop.
		_, _, _ = unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_INTERRUPT, uintptr(pid), 0, 0, 0, 0)
	}
	p := &process{pid: pid, cwd: cwd, root: "/", fds: map[int]string{}, uid: user.UID, gid: user.GID, groups: user.Groups,
		blind: user.UID != 0, role: analyzer.RoleBeside, from: user.UID}
	if pid == t.main {
		p.role = analyzer.RoleMain
	}
	t.tasks[pid] = &task{tid: pid, proc: p}
	return nil
}

// event handles what wait4 reported of one process or thread.
func (t *tracer) event(pid int, status unix.WaitStatus) {
	if status.Exited() || status.Signaled() {
		t.ended(pid, status)
		return
	}
	if !status.Stopped() {
		return
	}
	t.stops++
	own := t.child(pid)
	tk := t.tasks[pid]
	switch {
	case t.frozen:
		if tk != nil {
			tk.still = true
		}
	case own != nil && tk == nil:
		t.adopt(pid, own)
	case tk == nil:
		t.early[pid] = true // it waits until its parent's event names it
	default:
		t.stopped(tk, status)
	}
}

func (t *tracer) child(pid int) *child {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.children[pid]
}

// adopt begins to trace a child of this process that has stopped itself for it.
func (t *tracer) adopt(pid int, own *child) {
	if own.traced {
		if err := t.seize(pid, own.user, own.cwd); err != nil {
			t.rec.warn(err.Error())
		}
	}
	_ = unix.Kill(pid, unix.SIGCONT)
}

func (t *tracer) ended(pid int, status unix.WaitStatus) {
	if tk := t.tasks[pid]; tk != nil {
		t.moves++
		if tk.proc.pid == pid {
			t.rec.process(tk.proc, t.stopping)
			if status.Signaled() || status.ExitStatus() != 0 {
				t.failed++
			}
		}
		delete(t.tasks, pid)
	}
	delete(t.early, pid)
	t.mu.Lock()
	own := t.children[pid]
	delete(t.children, pid)
	t.mu.Unlock()
	if own != nil {
		own.done <- status
	}
	if pid == t.main && !t.held && t.onEnd != nil {
		t.onEnd(status)
	}
}

// stopped handles one stop of a task and lets it go on.
func (t *tracer) stopped(tk *task, status unix.WaitStatus) {
	signal := status.StopSignal()
	event := int(status) >> 16
	switch {
	case event == unix.PTRACE_EVENT_SECCOMP:
		t.enter(tk)
		return
	case event == 0 && signal == unix.SIGTRAP|0x80:
		t.syscallStop(tk)
		return
	case event == unix.PTRACE_EVENT_FORK || event == unix.PTRACE_EVENT_VFORK || event == unix.PTRACE_EVENT_CLONE:
		t.forked(tk)
	case event == unix.PTRACE_EVENT_EXEC:
		t.execed(tk)
		return
	case event == unix.PTRACE_EVENT_EXIT:
		if t.exiting(tk) {
			return
		}
	case event == unix.PTRACE_EVENT_STOP:
		if signal == unix.SIGSTOP || signal == unix.SIGTSTP || signal == unix.SIGTTIN || signal == unix.SIGTTOU {
			// A group-stop: the task stays stopped until SIGCONT (ptrace(2), PTRACE_LISTEN).
			_, _, _ = unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_LISTEN, uintptr(tk.tid), 0, 0, 0, 0)
			return
		}
	case event == 0:
		// A container is stopped by a signal to its first process.
		t.stopping = t.stopping || tk.proc.pid == t.main && ends(signal)
		t.resume(tk, signal) // a signal on its way to the program
		return
	}
	t.resume(tk, 0)
}

// ends says whether a signal asks a program to end.
func ends(signal unix.Signal) bool {
	return signal == unix.SIGTERM || signal == unix.SIGINT || signal == unix.SIGQUIT
}

// resume lets a task run to its next stop.
func (t *tracer) resume(tk *task, signal unix.Signal) {
	if tk.pending != nil || t.mode == modePlain {
		_ = unix.PtraceSyscall(tk.tid, int(signal)) // a task that has vanished is reported by wait
		return
	}
	_ = unix.PtraceCont(tk.tid, int(signal))
}

func (t *tracer) forked(parent *task) {
	message, err := unix.PtraceGetEventMsg(parent.tid)
	if err != nil {
		return
	}
	tid := int(message)
	proc := parent.proc
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", parent.proc.pid, tid)); err != nil {
		proc = parent.proc.fork(tid)
	}
	tk := &task{tid: tid, proc: proc}
	t.tasks[tid] = tk
	t.moves++
	if t.maxTasks > 0 && len(t.tasks) > t.maxTasks {
		t.exceeds(fmt.Sprintf("it had more than %d processes and threads (--max-processes)", t.maxTasks))
	}
	t.born(parent, tid, proc == parent.proc)
	if t.early[tid] {
		delete(t.early, tid)
		t.resume(tk, 0)
	}
}

// exceeds ends what the application does: it has exceeded a limit.
func (t *tracer) exceeds(limit string) {
	if !t.frozen && t.onLimit != nil {
		t.frozen = true
		t.onLimit(limit)
	}
}

// execed is called when an execve has succeeded: the task is now the only one of its process and has the process's id.
func (t *tracer) execed(tk *task) {
	if former, err := unix.PtraceGetEventMsg(tk.tid); err == nil && int(former) != tk.tid {
		if old := t.tasks[int(former)]; old != nil {
			tk.exec, tk.proc = old.exec, old.proc
			delete(t.tasks, int(former))
		}
	}
	tk.pending = nil
	p := tk.proc
	p.execs = true
	t.rec.process(p, false) // what it was until now
	p.execs, p.listens = false, false
	before := p.uid
	p.pid, p.by = tk.tid, p.exe
	p.refresh()
	p.from = p.uid
	if e := tk.exec; e != nil {
		p.exe, p.argv = e.path, e.argv
		if before != 0 && p.uid == 0 {
			t.rec.power(p, "CAP_SETUID", 0) // by a setuid bit
		}
		t.rec.exec(p, e)
		t.interpreters(p, e.path)
		tk.exec = nil
	}
	p.sealed, p.blind = false, !p.open()
	t.resume(tk, 0)
}

// exiting looks at a process before it is gone. An adopted first process is held, because with it the kernel ends its whole pid
// namespace, and this tracer with it (pid_namespaces(7)); one that this tracer started just ends, and wait reports it.
func (t *tracer) exiting(tk *task) (hold bool) {
	if tk.tid != tk.proc.pid {
		return false
	}
	tk.proc.refresh()
	t.rec.memory(tk.proc.peak)
	if tk.tid != t.main || t.onEnd == nil {
		return false
	}
	message, err := unix.PtraceGetEventMsg(tk.tid)
	if err != nil {
		return false
	}
	t.stopping = t.stopping || unix.WaitStatus(message).Signaled()
	t.rec.process(tk.proc, t.stopping)
	if t.beforeEnd != nil {
		t.beforeEnd(unix.WaitStatus(message))
		return false
	}
	t.held, tk.still = true, true
	t.onEnd(unix.WaitStatus(message))
	return true
}
