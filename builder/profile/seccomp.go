package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slimimage/slim/analyzer"
)

// rule is one rule of Docker's default profile, with its conditions.
type rule struct {
	specs.LinuxSyscall
	includeCaps, excludeCaps     []string
	includeArches, excludeArches []string
}

// applies says whether a rule is in force on an architecture ("amd64") with these capabilities. It ignores conditions on the
// kernel's version: the only one is 4.8 (2016).
func (r rule) applies(arch string, capabilities []string) bool {
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(c string) bool { return slices.Contains(capabilities, c) })
	}
	all := !slices.ContainsFunc(r.includeCaps, func(c string) bool { return !slices.Contains(capabilities, c) })
	return all && !has(r.excludeCaps) && !slices.Contains(r.excludeArches, arch) &&
		(len(r.includeArches) == 0 || slices.Contains(r.includeArches, arch))
}

// arches maps architectures to their names in the runtime-spec and in the default profile.
var arches = map[string]struct {
	arch   specs.Arch
	native string
}{
	"amd64":   {specs.ArchX86_64, "amd64"},
	"386":     {specs.ArchX86, "x86"},
	"arm64":   {specs.ArchAARCH64, "arm64"},
	"arm":     {specs.ArchARM, "arm"},
	"ppc64le": {specs.ArchPPC64LE, "ppc64le"},
	"riscv64": {specs.ArchRISCV64, "riscv64"},
	"s390x":   {specs.ArchS390X, "s390x"},
	"loong64": {specs.ArchLOONGARCH64, "loong64"},
}

var secondArches = map[string]specs.Arch{"x86": specs.ArchX86, "x32": specs.ArchX32, "arm": specs.ArchARM}

// Seccomp is the system call filter, as the flat JSON of the OCI runtime-spec that containerd, CRI-O and Docker all read: no archMap,
// no conditions. What is not listed fails with EPERM; clone3 with ENOSYS, so that libraries go back to clone, whose flags can be judged.
// It allows nothing that Docker's default profile refuses. It returns an error if the default profile does not know the platform, or
// check refuses the Model.
func Seccomp(m Model) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	profile, err := m.filter()
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	data, err := json.MarshalIndent(profile, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	return append(data, '\n'), nil
}

// Allowed lists the names of the system calls that the filter lets through, sorted; some of them (clone, personality, socket) only with
// certain arguments. It is empty for a platform that Seccomp refuses.
func Allowed(m Model) []string {
	profile, err := m.filter()
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for _, call := range profile.Syscalls {
		for _, name := range call.Names {
			if call.Action == specs.ActAllow {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// whole reports whether the filter is the whole default profile because the evidence does not allow a smaller one.
func (m Model) whole() bool {
	return len(m.Syscalls) == 0 || len(m.Arches32) > 0 || len(m.AnySyscall) > 0
}

// filter reduces the default profile to the wanted calls.
func (m Model) filter() (*specs.LinuxSeccomp, error) {
	arch, ok := arches[analyzer.Arch(m.Platform)]
	if !ok {
		return nil, fmt.Errorf("no filter is known for platform %q", m.Platform)
	}
	rules := defaultRules()
	if len(rules) == 0 {
		return nil, errors.New("the default profile is only known on Linux")
	}
	want := m.wanted()
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: number(eperm), Architectures: []specs.Arch{arch.arch}}
	for _, abi := range m.Arches32 {
		profile.Architectures = append(profile.Architectures, secondArches[abi])
	}
	plain := map[string]bool{}
	for _, r := range rules {
		if !r.applies(arch.native, m.Capabilities) {
			continue
		}
		call := r.LinuxSyscall
		if call.Action == specs.ActAllow {
			call.Names = slices.DeleteFunc(slices.Clone(call.Names), func(name string) bool { return !m.whole() && !want[name] })
		}
		if call.Action == specs.ActAllow && len(call.Args) == 0 {
			for _, name := range call.Names {
				plain[name] = true
			}
		} else if len(call.Names) > 0 {
			profile.Syscalls = append(profile.Syscalls, call)
		}
	}
	all := specs.LinuxSyscall{Names: slices.Sorted(maps.Keys(plain)), Action: specs.ActAllow}
	profile.Syscalls = slices.Insert(profile.Syscalls, 0, all)
	return profile, nil
}

// eperm is EPERM of every architecture of Linux.
const eperm = 1

func number(n uint) *uint { return &n }
