//go:build linux

package trace

import "golang.org/x/sys/unix"

// Numbers and bytes of the calls that are changed (linux/unistd.h, syscall_32.tbl). "syscall" and "int $0x80" are two bytes long.
const (
	prctl386   = 172
	callLength = 2
)

type machine struct{ unix.PtraceRegs }

func registers(tid int) (m machine, err error) {
	err = unix.PtraceGetRegs(tid, &m.PtraceRegs)
	return m, err
}

// set gives the registers to the task.
func (m machine) set(tid int) error { return unix.PtraceSetRegs(tid, &m.PtraceRegs) }

// prctlDumpable is a task that makes this call instead of the one that it is about to make.
func (m machine) prctlDumpable(arch uint32) machine {
	if arch == compatArch {
		m.Orig_rax, m.Rbx, m.Rcx, m.Rdx = prctl386, unix.PR_SET_DUMPABLE, 1, 0
	} else {
		m.Orig_rax, m.Rdi, m.Rsi, m.Rdx = unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0
	}
	return m
}

// again is a task that repeats the call when it continues.
func (m machine) again() machine {
	m.Rax = m.Orig_rax
	m.Rip -= callLength
	return m
}

// refused is a task that makes no call and gets an error: the kernel skips a number that belongs to no call, and the result is the value in
// the result register (Documentation/userspace-api/seccomp_filter.rst, SECCOMP_RET_TRACE).
func (m machine) refused(errno unix.Errno) machine {
	m.Orig_rax, m.Rax = ^uint64(0), uint64(-int64(errno))
	return m
}
