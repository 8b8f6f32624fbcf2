package trace

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// profile holds the fields that are read from a filter: linux.seccomp of the OCI runtime-spec (config-linux.md, Seccomp).
type profile struct {
	DefaultAction   string        `json:"defaultAction"`
	DefaultErrnoRet *uint32       `json:"defaultErrnoRet"`
	Architectures   []string      `json:"architectures"`
	Syscalls        []profileRule `json:"syscalls"`
}

type profileRule struct {
	Names    []string     `json:"names"`
	Action   string       `json:"action"`
	ErrnoRet *uint32      `json:"errnoRet"`
	Args     []profileArg `json:"args"`
}

type profileArg struct {
	Index    uint32 `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo"`
	Op       string `json:"op"`
}

// enforcement compiles a filter for this machine's own architecture. Calls of another one are refused, or let through untouched where the
// filter lists one. Errors: the input is not a filter, or has an action or comparison that slim's own profiles do not use.
func enforcement(data []byte) ([]unix.SockFilter, error) {
	var p profile
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("reading the seccomp profile: %w", err)
	}
	refuse, err := action(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	other := refuse
	if len(p.Architectures) > 1 {
		other = unix.SECCOMP_RET_ALLOW
	}
	byNumber := map[uint32][]profileRule{}
	numbers := map[string]uint32{}
	for number, name := range callNames {
		numbers[name] = number
	}
	for _, rule := range p.Syscalls {
		for _, name := range rule.Names {
			if number, ok := numbers[name]; ok {
				byNumber[number] = append(byNumber[number], rule)
			}
		}
	}
	program := []unix.SockFilter{load(dataArch), jump(unix.BPF_JEQ, nativeArch, 1, 0), ret(other), load(dataNumber)}
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		block, err := rulesFor(byNumber[number], refuse)
		if err != nil {
			return nil, err
		}
		if len(block) > 255 {
			return nil, fmt.Errorf("the seccomp profile has too many rules for %s", callNames[number])
		}
		program = append(append(program, jump(unix.BPF_JEQ, number, 0, uint8(len(block)))), block...)
	}
	if program = append(program, ret(refuse)); len(program) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("the seccomp profile is too long: %d instructions", len(program))
	}
	return program, nil
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func ret(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

func jump(code uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | code | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

func action(name string, errno *uint32) (uint32, error) {
	code := uint32(unix.EPERM)
	if errno != nil {
		code = *errno & unix.SECCOMP_RET_DATA
	}
	switch name {
	case "SCMP_ACT_ALLOW":
		return unix.SECCOMP_RET_ALLOW, nil
	case "SCMP_ACT_ERRNO":
		return unix.SECCOMP_RET_ERRNO | code, nil
	}
	return 0, fmt.Errorf("seccomp action %q is not one that slim writes", name)
}

// rulesFor decides about one call by its rules: the first rule whose arguments match determines the action.
func rulesFor(rules []profileRule, refuse uint32) ([]unix.SockFilter, error) {
	var block []unix.SockFilter
	for _, rule := range rules {
		does, err := action(rule.Action, rule.ErrnoRet)
		if err != nil {
			return nil, err
		}
		var body []unix.SockFilter
		var fail []int // jumps behind the rule
		for _, arg := range rule.Args {
			if body, fail, err = condition(body, fail, arg); err != nil {
				return nil, err
			}
		}
		body = append(body, ret(does))
		for _, at := range fail {
			offset := uint8(len(body) - at - 1)
			if body[at].Jf == behind {
				body[at].Jf = offset
			} else {
				body[at].Jt = offset
			}
		}
		block = append(block, body...)
	}
	return append(block, ret(refuse)), nil
}

// behind marks a jump whose target is the end of its rule.
const behind = 255

// condition compares one argument, 64 bits in two halves: struct seccomp_data (linux/seccomp.h) has them from byte 16 on. A jump to
// "behind" leaves the rule, fail collects their places.
func condition(body []unix.SockFilter, fail []int, arg profileArg) ([]unix.SockFilter, []int, error) {
	if arg.Index > 5 {
		return nil, nil, fmt.Errorf("a system call has no argument %d", arg.Index)
	}
	low := 16 + 8*arg.Index
	mask, want := ^uint64(0), arg.Value
	if arg.Op == "SCMP_CMP_MASKED_EQ" {
		mask, want = arg.Value, arg.ValueTwo
	}
	high, lowWant := uint32(want>>32), uint32(want)
	and := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: k}
	}
	var test []unix.SockFilter
	switch arg.Op {
	case "SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ":
		test = []unix.SockFilter{load(low + 4), and(uint32(mask >> 32)), jump(unix.BPF_JEQ, high, 0, behind), load(low), and(uint32(mask)),
			jump(unix.BPF_JEQ, lowWant, 0, behind)}
	case "SCMP_CMP_NE": // a difference in the high half is enough
		test = []unix.SockFilter{load(low + 4), jump(unix.BPF_JEQ, high, 0, 2), load(low), jump(unix.BPF_JEQ, lowWant, behind, 0)}
	case "SCMP_CMP_GE":
		test = []unix.SockFilter{load(low + 4), jump(unix.BPF_JGT, high, 3, 0), jump(unix.BPF_JEQ, high, 0, behind), load(low),
			jump(unix.BPF_JGE, lowWant, 0, behind)}
	case "SCMP_CMP_GT":
		test = []unix.SockFilter{load(low + 4), jump(unix.BPF_JGT, high, 3, 0), jump(unix.BPF_JEQ, high, 0, behind), load(low),
			jump(unix.BPF_JGT, lowWant, 0, behind)}
	case "SCMP_CMP_LT":
		test = []unix.SockFilter{load(low + 4), jump(unix.BPF_JGT, high, behind, 0), jump(unix.BPF_JEQ, high, 0, 2), load(low),
			jump(unix.BPF_JGE, lowWant, behind, 0)}
	case "SCMP_CMP_LE":
		test = []unix.SockFilter{load(low + 4), jump(unix.BPF_JGT, high, behind, 0), jump(unix.BPF_JEQ, high, 0, 2), load(low),
			jump(unix.BPF_JGT, lowWant, behind, 0)}
	default:
		return nil, nil, fmt.Errorf("seccomp comparison %q is unknown", arg.Op)
	}
	for i, instruction := range test {
		if instruction.Jt == behind || instruction.Jf == behind {
			fail = append(fail, len(body)+i)
		}
	}
	return append(body, test...), fail, nil
}

// install applies a seccomp program to the calling thread, and to the programs it executes and the processes it forks.
func install(program []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("installing the seccomp filter: %w", errno)
	}
	return nil
}
