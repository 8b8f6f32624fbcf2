package trace

import (
	"errors"
	"fmt"
)

// errClosed says that a tracee's memory may not be read. A process that has changed its user, or asked for it (PR_SET_DUMPABLE), is
// "undumpable": even its own tracer cannot read its memory without CAP_SYS_PTRACE (kernel/ptrace.c, ptrace_access_vm). In the
// sandbox the tracer lacks it and would miss the look-ups of servers that drop root without an exec (Apache, php-fpm).
var errClosed = errors.New("the memory of the process is closed")

// openMemory lets a task that is about to make a call open its memory itself first: the call is turned into prctl(PR_SET_DUMPABLE,
// 1), which needs only its registers, and then made again. It returns false where this is not known to work or did not help; the
// tracer then misses the look-ups of the process, and warns about this once.
func (t *tracer) openMemory(tk *task, arch uint32) bool {
	if tk.proc.sealed {
		return false
	}
	before, err := registers(tk.tid)
	if tk.opening || err != nil || before.prctlDumpable(arch).set(tk.tid) != nil {
		tk.opening, tk.proc.sealed = false, true
		t.rec.warn(fmt.Sprintf("%s closed its memory: what it looked up after that was not seen", tk.proc.exe))
		return false
	}
	tk.pending = func(int64) {
		tk.opening = before.again().set(tk.tid) == nil
	}
	return true
}
