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

// prctlDumpable are the registers of a task that makes this call instead of the one that it is about to make.
func (m machine) prctlDumpable(arch uint32) *unix.PtraceRegs {
	if arch == compatArch {
		m.Orig_rax, m.Rbx, m.Rcx, m.Rdx = prctl386, unix.PR_SET_DUMPABLE, 1, 0
	} else {
		m.Orig_rax, m.Rdi, m.Rsi, m.Rdx = unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0
	}
	return &m.PtraceRegs
}

// again returns the registers of a task that repeats the call when it continues.
func (m machine) again() *unix.PtraceRegs {
	m.Rax = m.Orig_rax
	m.Rip -= callLength
	return &m.PtraceRegs
}

// canRefuse says that a call can be refused from outside.
const canRefuse = true

// refused returns the registers of a task that makes no call and gets an error: the kernel skips a number that belongs to no call, and
// the result is the value in the result register (Documentation/userspace-api/seccomp_filter.rst, SECCOMP_RET_TRACE).
func (m machine) refused(errno unix.Errno) *unix.PtraceRegs {
	m.Orig_rax, m.Rax = ^uint64(0), uint64(-int64(errno))
	return &m.PtraceRegs
}
