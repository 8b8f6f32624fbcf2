//go:build linux

package trace

import "golang.org/x/sys/unix"

// machine is not used: changing a call's number needs another request here (NT_ARM_SYSTEM_CALL), and there was no machine to try it on.
type machine struct{}

func registers(int) (machine, error) { return machine{}, unix.ENOSYS }

func (machine) prctlDumpable(uint32) *unix.PtraceRegs { return nil }

func (machine) again() *unix.PtraceRegs { return nil }

const canRefuse = false

func (machine) refused(unix.Errno) *unix.PtraceRegs { return nil }
