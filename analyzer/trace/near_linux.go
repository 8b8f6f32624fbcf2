package trace

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A stop costs two changes of task. Between two processors each of them wakes an idle one, which on a virtual machine takes longer
// than the rest of the work at a stop (measured: a find over 30,000 files took 3.6 s, with both on one processor 0.8 s). So the tracer
// stays on one processor, and moves a program there while it stops often. The program does not see this: the tracer restores its
// processors before it can query them.
const (
	nearStops = 6                     // stops in a row that, within nearTime, bring a task near
	nearTime  = 20 * time.Millisecond // a task that stops no more often is left alone
	nearCheck = 50 * time.Millisecond // how long a task without a stop stays near
)

// nearness is the state of one task for this.
type nearness struct {
	stops int
	since time.Time
	on    bool
	last  bool        // it has stopped since the last check
	mask  unix.CPUSet // its own processors
}

// stay pins the calling thread, the tracer's, to its current processor. Where the kernel refuses this, no task is moved.
func (t *tracer) stay() {
	var cpu uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 {
		return
	}
	var mask unix.CPUSet
	mask.Set(int(cpu))
	if unix.SchedSetaffinity(0, &mask) == nil {
		t.place = &mask
	}
}

// near counts a stop, and moves a task that stops often to the tracer's processor. It moves only processes with one thread, because
// threads may run in parallel, and only root's: to set the processors of another user's process needs CAP_SYS_NICE.
func (t *tracer) near(tk *task) {
	n := &tk.near
	n.last = true
	if n.on || t.place == nil || tk.proc.uid != 0 {
		return
	}
	if n.stops++; n.stops < nearStops {
		return
	}
	now := time.Now()
	often := now.Sub(n.since) < nearTime
	n.stops, n.since = 0, now
	if !often || t.threads(tk.proc) > 1 || unix.SchedGetaffinity(tk.tid, &n.mask) != nil {
		return
	}
	if unix.SchedSetaffinity(tk.tid, t.place) == nil {
		n.on = true
	}
}

func (t *tracer) threads(p *process) int {
	count := 0
	for _, tk := range t.tasks {
		if tk.proc == p {
			count++
		}
	}
	return count
}

// far gives a task its processors back.
func (t *tracer) far(tk *task) {
	if tk.near.on {
		_ = unix.SchedSetaffinity(tk.tid, &tk.near.mask) // a task that has vanished needs none
		tk.near = nearness{}
	}
}

// born gives a new task its parent's own processors, and those of a parent that has become a process of several threads back.
func (t *tracer) born(parent *task, tid int, thread bool) {
	if !parent.near.on {
		return
	}
	_ = unix.SchedSetaffinity(tid, &parent.near.mask)
	if thread {
		t.far(parent)
	}
}

// rest restores the processors of tasks that have not stopped for a while: they are computing, and need not share with the tracer.
func (t *tracer) rest() {
	for _, tk := range t.tasks {
		if tk.near.on && !tk.near.last {
			t.far(tk)
		}
		tk.near.last = false
	}
}
