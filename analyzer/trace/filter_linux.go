package trace

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// Offsets into struct seccomp_data (linux/seccomp.h): the number, the architecture, and the low halves of the first to the fourth
// argument on a little-endian machine.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16
	dataArg1   = 24
	dataArg2   = 32
	dataArg3   = 40
)

// x32Bit marks a call of the x32 ABI (__X32_SYSCALL_BIT, asm/unistd.h); from firstX32 on its numbers are its own.
const (
	x32Bit   = 0x40000000
	firstX32 = 512
)

// Requests of ioctl(2) that name a process (asm-generic/sockios.h).
const (
	fioSetOwn = 0x8901
	siocSPGrp = 0x8902
)

// unrecorded are the numbers of analyzer.CommonSyscalls.
var unrecorded = func() map[uint32]bool {
	names, numbers := analyzer.CommonSyscalls(), map[uint32]bool{}
	for number, name := range callNames {
		numbers[number] = slices.Contains(names, name)
	}
	return numbers
}()

// filter is the seccomp program. A call of this machine's own architecture stops the tracee unless it is one of those that every program
// makes (analyzer.CommonSyscalls), which run untouched; of a second architecture only the calls of its table do. io_uring is not there.
// The kernel remembers which calls are always allowed and does not run the program for them (kernel/seccomp.c, the action
// cache), so its length costs nothing for read, write and the like. With maps, it also stops where a file is mapped to be executed. tracer
// is the process that the calls of every program may not act on.
func filter(maps bool, tracer int) []unix.SockFilter {
	program := []unix.SockFilter{load(dataArch), jump(unix.BPF_JEQ, nativeArch, 1, 0), ret(unix.SECCOMP_RET_ALLOW)}
	native := append(common(), ret(unix.SECCOMP_RET_TRACE))
	if maps {
		native = append(executableMaps(), native...)
	}
	native = append(section(nativeCalls, tracer), native...)
	if len(compatCalls) > 0 {
		// Another architecture than the native one jumps over the native section, which is too long for one jump.
		program = []unix.SockFilter{load(dataArch), jump(unix.BPF_JEQ, nativeArch, 1, 0),
			{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(len(native))}}
		program = append(program, native...)
		program = append(program, jump(unix.BPF_JEQ, compatArch, 1, 0), ret(unix.SECCOMP_RET_ALLOW))
		program = append(program, section(compatCalls, tracer)...)
		return append(program, ret(unix.SECCOMP_RET_ALLOW))
	}
	return append(program, native...)
}

// executableMaps stops at an mmap of a file with PROT_EXEC, and lets every other mmap run.
func executableMaps() []unix.SockFilter {
	return []unix.SockFilter{jump(unix.BPF_JEQ, unix.SYS_MMAP, 0, 6), load(dataArg2), jump(unix.BPF_JSET, unix.PROT_EXEC, 0, 3),
		load(dataArg3), jump(unix.BPF_JSET, unix.MAP_ANONYMOUS, 1, 0), ret(unix.SECCOMP_RET_TRACE), ret(unix.SECCOMP_RET_ALLOW)}
}

// common lets the calls that are not recorded run.
func common() []unix.SockFilter {
	var program []unix.SockFilter
	for _, number := range slices.Sorted(maps.Keys(callNames)) {
		if unrecorded[number] && nativeCalls[number] == "" {
			program = append(program, jump(unix.BPF_JEQ, number, 0, 1), ret(unix.SECCOMP_RET_ALLOW))
		}
	}
	return program
}

// section decides about the calls of a table; the program goes on behind it for all others.
func section(table map[uint32]string, tracer int) []unix.SockFilter {
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
		stop, allow := ret(unix.SECCOMP_RET_TRACE), ret(unix.SECCOMP_RET_ALLOW)
		body := []unix.SockFilter{stop}
		switch table[number] {
		case "fcntl", "fcntl64":
			body = []unix.SockFilter{load(dataArg1), jump(unix.BPF_JEQ, unix.F_DUPFD, 3, 0), jump(unix.BPF_JEQ, unix.F_DUPFD_CLOEXEC, 2, 0),
				jump(unix.BPF_JEQ, unix.F_SETOWN, 1, 0), jump(unix.BPF_JEQ, unix.F_SETOWN_EX, 0, 1), stop, allow}
		case "ioctl":
			body = []unix.SockFilter{load(dataArg1), jump(unix.BPF_JEQ, fioSetOwn, 1, 0), jump(unix.BPF_JEQ, siocSPGrp, 0, 1), stop, allow}
		case "tgkill":
			body = []unix.SockFilter{load(dataArg0), jump(unix.BPF_JEQ, uint32(tracer), 0, 1), stop, allow}
		case "prlimit64":
			body = []unix.SockFilter{load(dataArg0), jump(unix.BPF_JEQ, 0, 1, 0), stop, allow}
		}
		program = append(append(program, jump(unix.BPF_JEQ, number, 0, uint8(len(body)))), body...)
	}
	return program
}
