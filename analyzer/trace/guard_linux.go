package trace

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The evidence is about the application, and root in the sandbox may do anything to the tracer that the kernel permits. Three things keep
// the tracer out of its reach. The kernel denies access to the memory and the files of a process that is not dumpable to everyone without
// CAP_SYS_PTRACE (ptrace(2), PTRACE_MODE_ATTACH). The tracer refuses the calls that act on a process where that is its own. And it refuses
// changes below the agent's mount points. An application with several threads can change a path after the tracer has read it, so the last
// one alone is not enough: the evidence is written while the application stands still (freeze), and sealed.

// hide makes this process one that only itself may look into.
func hide() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// aims are the arguments with which the calls of kindAim name a process, unless their numbers depend on other arguments.
var aims = map[string][]int{
	"tkill": {0}, "tgkill": {0}, "rt_sigqueueinfo": {0}, "rt_tgsigqueueinfo": {0}, "process_vm_readv": {0}, "process_vm_writev": {0},
	"pidfd_open": {0}, "kcmp": {0, 1}, "prlimit64": {0}, "sched_setaffinity": {0}, "sched_setscheduler": {0}, "sched_setparam": {0},
	"sched_setattr": {0}, "migrate_pages": {0}, "move_pages": {0},
}

// guardProcess refuses a call that acts on a process of the agent, as if there were none with this number.
func (t *tracer) guardProcess(tk *task, c call, args [6]uint64) {
	if slices.ContainsFunc(t.aimed(tk, c, args), t.shielded) {
		t.refuse(tk, unix.ESRCH)
	}
}

// aimed are the processes that a call acts on.
func (t *tracer) aimed(tk *task, c call, args [6]uint64) (pids []int) {
	pid := func(arg uint64) int { return int(int32(arg)) }
	for _, i := range aims[c.name] {
		pids = append(pids, pid(args[i]))
	}
	switch {
	case c.name == "ptrace" && args[0] != unix.PTRACE_TRACEME:
		pids = append(pids, pid(args[1]))
	case strings.HasPrefix(c.name, "pidfd_") || c.name == "process_madvise" || c.name == "process_mrelease":
		pids = append(pids, pidOf(tk.tid, pid(args[0])))
	case c.name == "setpriority" || c.name == "ioprio_set":
		pids = append(pids, pid(args[1])) // also a group or a user: no number of theirs is the tracer's
	case c.name == "fcntl" || c.name == "fcntl64":
		pids = append(pids, t.owner(tk, args))
	case c.name == "ioctl":
		if words, err := readWords(tk.tid, args[2], 1, false); err == nil {
			pids = append(pids, pid(words[0]))
		}
	}
	return pids
}

// owner is the process, or the process group, that a file is about to send signals to (fcntl(2), F_SETOWN).
func (t *tracer) owner(tk *task, args [6]uint64) int {
	switch args[1] {
	case unix.F_SETOWN:
		return int(int32(args[2]))
	case unix.F_SETOWN_EX:
		if words, err := readWords(tk.tid, args[2], 2, false); err == nil { // struct f_owner_ex: type, pid
			return int(int32(words[1]))
		}
	}
	return 0
}

// pidOf is the process that a pidfd stands for, 0 of another file (pidfd_open(2), fdinfo).
func pidOf(tid, fd int) int {
	value, _ := field("/proc/"+itoa(tid)+"/fdinfo/"+itoa(fd), "Pid")
	return value
}

// field reads a number from a file of "Name:\tvalue" lines.
func field(file, name string) (int, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			return n, err == nil
		}
	}
	return 0, false
}

// maxAncestors bounds the way from a process to the tracer.
const maxAncestors = 64

// shielded reports whether a process, or the leader of a process group (negative), is the tracer or one that it started and does not
// trace. What the application started and has not waited for yet is not.
func (t *tracer) shielded(pid int) bool {
	own := os.Getpid()
	if pid < -1 {
		pid = -pid
	}
	for range maxAncestors {
		if pid <= 0 || t.tasks[pid] != nil {
			return false
		}
		file := "/proc/" + itoa(pid) + "/status"
		process, ok := field(file, "Tgid")
		switch {
		case !ok || t.tasks[process] != nil:
			return false
		case process == own:
			return true
		case pid == 1:
			return false
		}
		if pid, ok = field(file, "PPid"); !ok {
			return false
		}
	}
	return false
}

// broadcast is kill(-1): the application's processes get the signal, and the agent's do not. Like the kernel, it leaves out process
// number 1 and the sender (kernel/signal.c, kill_something_info).
func (t *tracer) broadcast(tk *task, signal unix.Signal) {
	capable, result, sent := mayKill(tk.tid), unix.ESRCH, false
	for _, p := range t.processes() {
		if p.pid == 1 || p == tk.proc {
			continue
		}
		if (capable || tk.proc.uid == p.uid) && unix.Kill(p.pid, signal) == nil {
			sent = true
		} else {
			result = unix.EPERM
		}
	}
	if sent {
		result = 0
	}
	t.refuse(tk, result)
}

// mayKill says whether a task has CAP_KILL in its effective set.
func mayKill(tid int) bool {
	data, _ := os.ReadFile("/proc/" + itoa(tid) + "/status") // of a task that stands still: it is there
	for line := range strings.Lines(string(data)) {
		if mask, ok := strings.CutPrefix(line, "CapEff:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && bits&(1<<unix.CAP_KILL) != 0
		}
	}
	return false
}

// guardPath is the error with which a call on a path is refused, 0 where it is not: the agent's processes are not in /proc, and its mount
// points are read-only. changes says that the call would change something.
func (t *tracer) guardPath(name string, changes bool) unix.Errno {
	if !foreign(name) {
		return 0
	}
	name = path.Clean(name)
	if strings.HasPrefix(name+"/", "/.slim/") {
		if changes {
			return unix.EROFS
		}
		return 0
	}
	text, ok := strings.CutPrefix(name, "/proc/")
	if !ok {
		return 0
	}
	text, _, _ = strings.Cut(text, "/")
	pid, err := strconv.Atoi(text)
	switch {
	case err != nil || !t.shielded(pid):
		return 0
	case pid != 1:
		return unix.ENOENT
	case changes: // the application has to find process number 1, which the agent is where it could not be the application's child
		return unix.EACCES
	}
	return 0
}

// changes says whether a call on a path makes or changes something.
func (c call) changes(open openFlags) bool {
	switch c.kind {
	case kindOpen, kindOpen2, kindCreat:
		return open.write || open.create || open.temporary
	case kindCreate, kindSymlink, kindChange, kindRemove, kindRename, kindBind:
		return true
	}
	return false
}
