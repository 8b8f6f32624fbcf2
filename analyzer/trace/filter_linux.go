package trace

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data (linux/seccomp.h): the number, the architecture, and the low half of the second argument
// on a little-endian machine.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg1   = 24
)

// x32Bit marks a call of the x32 ABI (__X32_SYSCALL_BIT, asm/unistd.h).
const x32Bit = 0x40000000

// filter is the seccomp program: the calls of the tables stop the tracee, io_uring is not there, all others run untouched.
// The kernel remembers which calls are always allowed and does not run the program for them (kernel/seccomp.c, the action
// cache), so its length costs nothing for read, write and the like.
func filter() []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	ret := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	jump := func(code uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | code | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	program := []unix.SockFilter{load(dataArch), jump(unix.BPF_JEQ, nativeArch, 1, 0), ret(unix.SECCOMP_RET_ALLOW)}
	native := section(nativeCalls, load, ret, jump)
	if len(compatCalls) > 0 {
		// Another architecture than the native one jumps over the native section, which is too long for one jump.
		program = []unix.SockFilter{load(dataArch), jump(unix.BPF_JEQ, nativeArch, 1, 0), {Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(len(native))}}
		program = append(program, native...)
		program = append(program, jump(unix.BPF_JEQ, compatArch, 1, 0), ret(unix.SECCOMP_RET_ALLOW))
		return append(program, section(compatCalls, load, ret, jump)...)
	}
	return append(program, native...)
}

// section decides about the calls of one architecture and always returns.
func section(table map[uint32]string, load func(uint32) unix.SockFilter, ret func(uint32) unix.SockFilter, jump func(uint16, uint32, uint8, uint8) unix.SockFilter) []unix.SockFilter {
	numbers := make([]uint32, 0, len(table))
	for number := range table {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	program := []unix.SockFilter{
		load(dataNumber),
		jump(unix.BPF_JGE, x32Bit, 0, 1), ret(unix.SECCOMP_RET_TRACE),
		jump(unix.BPF_JEQ, ioURingSetup, 0, 1), ret(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)),
	}
	for _, number := range numbers {
		switch name := table[number]; name {
		case "fcntl", "fcntl64":
			program = append(program, jump(unix.BPF_JEQ, number, 0, 5), load(dataArg1),
				jump(unix.BPF_JEQ, unix.F_DUPFD, 1, 0), jump(unix.BPF_JEQ, unix.F_DUPFD_CLOEXEC, 0, 1),
				ret(unix.SECCOMP_RET_TRACE), ret(unix.SECCOMP_RET_ALLOW))
		default:
			program = append(program, jump(unix.BPF_JEQ, number, 0, 1), ret(unix.SECCOMP_RET_TRACE))
		}
	}
	return append(program, ret(unix.SECCOMP_RET_ALLOW))
}

// installFilter puts the filter on the calling thread, and on what it executes and forks.
func installFilter() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	program := filter()
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("installing the seccomp filter: %w", errno)
	}
	return nil
}
