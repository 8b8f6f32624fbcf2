package trace

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// A step of BuildKit cannot mount with noexec, and its root may not change a mount. So the tracer itself refuses the two calls that the
// kernel refuses on such a mount: to execute a file (fs/exec.c, path_noexec: EACCES) and to map one with PROT_EXEC (mm/mmap.c: EPERM).

// noExec says whether a profile has a mount from which nothing may be executed.
func noExec(confine *analyzer.Confinement) bool {
	return confine != nil && slices.ContainsFunc(confine.Tmpfs, func(t analyzer.Tmpfs) bool { return t.NoExec })
}

// closedTo says whether a file lies on a mount of the profile that has noexec.
func closedTo(confine *analyzer.Confinement, name string) bool {
	if confine == nil {
		return false
	}
	deepest, closed := 0, false
	at := func(dir string, noExec bool) {
		if strings.HasPrefix(name, dir+"/") && len(dir) > deepest {
			deepest, closed = len(dir), noExec
		}
	}
	for _, t := range confine.Tmpfs {
		at("/"+string(t.Path), t.NoExec)
	}
	for _, dir := range confine.Volumes {
		at("/"+string(dir), false)
	}
	return closed
}

// refuse makes a task's next call fail. It returns false where this is not possible.
func (t *tracer) refuse(tk *task, errno unix.Errno) bool {
	before, err := registers(tk.tid)
	return err == nil && before.refused(errno).set(tk.tid) == nil
}

// guardMemory refuses a mapping of a file to execute it where its mount has noexec. A memfd takes the number of a file that was closed;
// where /proc cannot be asked, the tracer has to forget that file.
func (t *tracer) guardMemory(tk *task, number uint32, args [6]uint64) {
	switch number {
	case unix.SYS_MMAP:
		file := args[2]&unix.PROT_EXEC != 0 && args[3]&unix.MAP_ANONYMOUS == 0
		if file && closedTo(t.confine, tk.proc.descriptor(int(int32(args[4])))) {
			t.refuse(tk, unix.EPERM)
		}
	case unix.SYS_MEMFD_CREATE:
		tk.proc.recent.name = ""
		tk.pending = func(result int64) { delete(tk.proc.fds, int(result)) }
	}
}
