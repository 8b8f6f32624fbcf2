package trace

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// interpret runs a program on one system call as the kernel does (Documentation/networking/filter.rst), for the instructions of ours.
func interpret(t *testing.T, program []unix.SockFilter, arch, number uint32, args ...uint64) uint32 {
	t.Helper()
	var data [64]byte
	binary.LittleEndian.PutUint32(data[dataNumber:], number)
	binary.LittleEndian.PutUint32(data[dataArch:], arch)
	for i, arg := range args {
		binary.LittleEndian.PutUint64(data[16+8*i:], arg)
	}
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		in := program[pc]
		yes := false
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.LittleEndian.Uint32(data[in.K:])
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= in.K
			continue
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = a == in.K
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			yes = a > in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			yes = a >= in.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
			continue
		default:
			t.Fatalf("instruction %d: code %#x", pc, in.Code)
		}
		if yes {
			pc += int(in.Jt)
		} else {
			pc += int(in.Jf)
		}
	}
	t.Fatal("the program does not return")
	return 0
}

func numberOf(t *testing.T, name string) uint32 {
	t.Helper()
	for number, known := range callNames {
		if known == name {
			return number
		}
	}
	t.Fatalf("no call %q", name)
	return 0
}

func TestEnforcement(t *testing.T) {
	const big = 1 << 40
	profile := func(op string, value, two uint64) string {
		return fmt.Sprintf(`{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
			{"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW"},
			{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 77, "op": "SCMP_CMP_EQ"},
				 {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
			{"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": %d, "valueTwo": %d, "op": %q}]},
			{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}`, value, two, op)
	}
	refused, missing := uint32(unix.SECCOMP_RET_ERRNO|unix.EPERM), uint32(unix.SECCOMP_RET_ERRNO|unix.ENOSYS)
	for _, test := range []struct {
		op         string
		value, two uint64
		yes, no    []uint64
	}{
		{"SCMP_CMP_EQ", big + 5, 0, []uint64{big + 5}, []uint64{5, big, big + 6}},
		{"SCMP_CMP_NE", big + 5, 0, []uint64{5, big}, []uint64{big + 5}},
		{"SCMP_CMP_GE", big + 5, 0, []uint64{big + 5, big + 6, 2 * big}, []uint64{5, big, big + 4}},
		{"SCMP_CMP_GT", big + 5, 0, []uint64{big + 6, 2 * big}, []uint64{big + 5, 9, 0}},
		{"SCMP_CMP_LT", big + 5, 0, []uint64{big + 4, 9, 0}, []uint64{big + 5, 2 * big}},
		{"SCMP_CMP_LE", big + 5, 0, []uint64{big + 5, 9}, []uint64{big + 6, 2 * big}},
		{"SCMP_CMP_MASKED_EQ", 0xf0, 0x10, []uint64{0x10, 0x1f, big + 0x10}, []uint64{0x20, 0}},
	} {
		program, err := enforcement([]byte(profile(test.op, test.value, test.two)))
		if err != nil {
			t.Fatal(err)
		}
		kill := numberOf(t, "kill")
		for _, arg := range test.yes {
			if got := interpret(t, program, nativeArch, kill, 0, arg); got != unix.SECCOMP_RET_ALLOW {
				t.Errorf("%s: %d gives %#x, want it allowed", test.op, arg, got)
			}
		}
		for _, arg := range test.no {
			if got := interpret(t, program, nativeArch, kill, 0, arg); got != refused {
				t.Errorf("%s: %d gives %#x, want it refused", test.op, arg, got)
			}
		}
		if got := interpret(t, program, nativeArch, kill, 1, 77); got != unix.SECCOMP_RET_ALLOW {
			t.Errorf("%s: the first rule is not asked: %#x", test.op, got)
		}
		for call, want := range map[string]uint32{"read": unix.SECCOMP_RET_ALLOW, "write": refused, "clone3": missing} {
			if got := interpret(t, program, nativeArch, numberOf(t, call)); got != want {
				t.Errorf("%s gives %#x, want %#x", call, got, want)
			}
		}
		if got := interpret(t, program, 0, numberOf(t, "read")); got != refused {
			t.Errorf("another architecture gives %#x, want it refused", got)
		}
	}
	for _, bad := range []string{"", "[]", `{"defaultAction": "SCMP_ACT_TRAP"}`,
		`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW",
			"args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]}`} {
		if _, err := enforcement([]byte(bad)); err == nil {
			t.Errorf("enforcement(%q) succeeded", bad)
		}
	}
}

// TestFilter holds what stops a tracee: calls with paths, whatever is not common, and nothing of what is.
func TestFilter(t *testing.T) {
	const tracer = 7
	program := filter(false, tracer)
	for call, want := range map[string]uint32{"openat": unix.SECCOMP_RET_TRACE, "execve": unix.SECCOMP_RET_TRACE,
		"umask": unix.SECCOMP_RET_TRACE,
		"read":  unix.SECCOMP_RET_ALLOW, "futex": unix.SECCOMP_RET_ALLOW, "epoll_wait": unix.SECCOMP_RET_ALLOW,
		"io_uring_setup": unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)} {
		if call == "epoll_wait" && nativeArch != unix.AUDIT_ARCH_X86_64 {
			continue // only old architectures have it
		}
		if got := interpret(t, program, nativeArch, numberOf(t, call)); got != want {
			t.Errorf("%s gives %#x, want %#x", call, got, want)
		}
	}
	for _, test := range []struct {
		call string
		args []uint64
		want uint32
	}{
		{"fcntl", []uint64{0, unix.F_DUPFD}, unix.SECCOMP_RET_TRACE}, {"fcntl", []uint64{0, unix.F_DUPFD_CLOEXEC}, unix.SECCOMP_RET_TRACE},
		{"fcntl", []uint64{0, unix.F_SETOWN}, unix.SECCOMP_RET_TRACE}, {"fcntl", []uint64{0, unix.F_SETOWN_EX}, unix.SECCOMP_RET_TRACE},
		{"fcntl", []uint64{0, unix.F_GETFL}, unix.SECCOMP_RET_ALLOW}, {"ioctl", []uint64{0, unix.TCGETS}, unix.SECCOMP_RET_ALLOW},
		{"ioctl", []uint64{0, fioSetOwn}, unix.SECCOMP_RET_TRACE}, {"ioctl", []uint64{0, siocSPGrp}, unix.SECCOMP_RET_TRACE},
		{"tgkill", []uint64{tracer, tracer}, unix.SECCOMP_RET_TRACE}, {"tgkill", []uint64{8, tracer}, unix.SECCOMP_RET_ALLOW},
		{"prlimit64", []uint64{0}, unix.SECCOMP_RET_ALLOW}, {"prlimit64", []uint64{tracer}, unix.SECCOMP_RET_TRACE},
	} {
		if got := interpret(t, program, nativeArch, numberOf(t, test.call), test.args...); got != test.want {
			t.Errorf("%s %d gives %#x, want %#x", test.call, test.args, got, test.want)
		}
	}
}
