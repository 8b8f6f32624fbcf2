//go:build linux

package trace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// callLength is the length of "svc #0" in bytes (A64).
const callLength = 4

// machine holds the registers of a 64-bit task that has stopped before a call. Where change is set, number replaces that of the call.
// The filter stops no call of the 32-bit ABI (compatCalls).
type machine struct {
	unix.PtraceRegs
	number int32
	change bool
}

func registers(tid int) (m machine, err error) {
	err = unix.PtraceGetRegs(tid, &m.PtraceRegs)
	return m, err
}

// set gives the registers to the task. The number of its call is not among the general registers: the kernel has read x8 by then, and takes
// another number through the register set NT_ARM_SYSTEM_CALL (arch/arm64/kernel/ptrace.c, system_call_set).
func (m machine) set(tid int) error {
	if err := unix.PtraceSetRegs(tid, &m.PtraceRegs); err != nil || !m.change {
		return err
	}
	io := unix.Iovec{Base: (*byte)(unsafe.Pointer(&m.number)), Len: uint64(unsafe.Sizeof(m.number))}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SETREGSET, uintptr(tid), unix.NT_ARM_SYSTEM_CALL,
		uintptr(unsafe.Pointer(&io)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// prctlDumpable is a task that makes this call instead of the one that it is about to make.
func (m machine) prctlDumpable(uint32) machine {
	m.Regs[0], m.Regs[1], m.Regs[2] = unix.PR_SET_DUMPABLE, 1, 0
	m.number, m.change = unix.SYS_PRCTL, true
	return m
}

// again is a task that repeats the call when it continues: x0, which has the result now, gets the argument back.
func (m machine) again() machine {
	m.Pc -= callLength
	return m
}

// refused is a task that makes no call and gets an error: the kernel skips a call with the number -1, and the result is the value in x0
// (arch/arm64/kernel/syscall.c, NO_SYSCALL).
func (m machine) refused(errno unix.Errno) machine {
	m.Regs[0] = uint64(-int64(errno))
	m.number, m.change = -1, true
	return m
}
