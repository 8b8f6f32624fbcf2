package trace

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A stop costs two changes of task. Between two processors each of them wakes an idle one, which on a virtual machine takes longer
// than all else that is done at a stop (measured: a find over 30,000 files took 3.6 s, with both on one processor 0.8 s). So a
// program that stops often is moved to the tracer's processor for as long as it does, and the tracer stays on one. The program does
// not see it: before it asks for its processors, it has them back.
const (
	nearStops = 6                     // stops in a row that, within nearTime, bring a task near
	nearTime  = 20 * time.Millisecond // a task that stops no more often is left alone
	nearCheck = 50 * time.Millisecond // how long a task without a stop stays near
)

// nearness is a task's part in this.
type nearness struct {
	stops int
	since time.Time
	on    bool
	last  bool        // it has stopped since the last check
	mask  unix.CPUSet // its own processors
}

// stay keeps the calling thread, the tracer's, on the processor where it is. Where that is refused nothing is brought near.
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

// near counts a stop, and brings a task near that stops often. Only a process with one thread is: threads may be busy side by side.
// Only one of root's: of another user's process the processors may not be set without CAP_SYS_NICE.
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

// rest lets the tasks go that have not stopped for a while: they are computing, and need no tracer near.
func (t *tracer) rest() {
	for _, tk := range t.tasks {
		if tk.near.on && !tk.near.last {
			t.far(tk)
		}
		tk.near.last = false
	}
}
