//go:build linux

package profile

import (
	"bytes"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slimimage/slim/layers"
)

func decodeSeccomp(t *testing.T, m Model) *specs.LinuxSeccomp {
	t.Helper()
	data, err := Seccomp(m)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var got specs.LinuxSeccomp
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return &got
}

// TestSeccompNeverLooser compares with Docker's own flattening for this machine: each of our rules must be one of its rules.
func TestSeccompNeverLooser(t *testing.T) {
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}}
	docker, err := seccomp.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	all := From(webEvidence(), webPlan(), "web:1")
	for _, call := range append(docker.Syscalls,
		specs.LinuxSyscall{Names: []string{"bpf", "clone3", "mount", "nonsense", "setns", "unshare"}}) {
		all.Syscalls = append(all.Syscalls, call.Names...)
	}
	all.Runtimes = []string{"dotnet", "glibc", "jvm", "musl", "node", "python", "ruby", "static"}
	for name, m := range map[string]Model{"web": From(webEvidence(), webPlan(), "web:1"), "everything": all,
		"default": From(nil, nil, "web:1")} {
		m.Platform = "linux/" + runtime.GOARCH
		got := decodeSeccomp(t, m)
		if got.DefaultAction != specs.ActErrno || *got.DefaultErrnoRet != 1 {
			t.Errorf("%s: default action %s %d", name, got.DefaultAction, *got.DefaultErrnoRet)
		}
		for _, call := range got.Syscalls {
			for _, called := range call.Names {
				if !slices.ContainsFunc(docker.Syscalls, func(theirs specs.LinuxSyscall) bool {
					return slices.Contains(theirs.Names, called) && theirs.Action == call.Action && cmp.Equal(theirs.Args, call.Args) &&
						cmp.Equal(theirs.ErrnoRet, call.ErrnoRet)
				}) {
					t.Errorf("%s: %s is allowed as %+v, and not by Docker", name, called, call)
				}
			}
		}
	}
}

func TestSeccomp(t *testing.T) {
	m := From(webEvidence(), webPlan(), "web:1")
	got := decodeSeccomp(t, m)
	if want := []specs.Arch{specs.ArchX86_64}; !cmp.Equal(got.Architectures, want) {
		t.Errorf("architectures %v, want %v", got.Architectures, want)
	}
	allowed := Allowed(m)
	for name, want := range map[string]bool{
		"accept4": true, "recvmsg": true, "execve": true, "setgid": true, "rt_sigreturn": true, "arch_prctl": true, "clone": true,
		"openat2": true, "personality": true,
		"mount": false, "bpf": false, "clone3": false, "unshare": false, "ptrace": false, "keyctl": false, "rename": false,
		"socketcall": false, "io_uring_setup": false,
	} {
		if slices.Contains(allowed, name) != want {
			t.Errorf("Allowed has %s: %v, want %v", name, !want, want)
		}
	}
	var clone, clone3 bool
	for _, call := range got.Syscalls {
		clone = clone || slices.Contains(call.Names, "clone") && len(call.Args) == 1 && call.Args[0].Op == specs.OpMaskedEqual &&
			call.Args[0].Value == 2114060288
		clone3 = clone3 || slices.Contains(call.Names, "clone3") && call.Action == specs.ActErrno && *call.ErrnoRet == 38
	}
	if !clone || !clone3 {
		t.Errorf("flags of clone judged: %v, clone3 refused with ENOSYS: %v", clone, clone3)
	}
	if again := decodeSeccomp(t, From(webEvidence(), webPlan(), "web:1")); !cmp.Equal(got, again) {
		t.Error("the same model gave two filters")
	}
}

// TestSeccompPlatforms: other platforms, second ABIs, and the whole default where nothing was recorded.
func TestSeccompPlatforms(t *testing.T) {
	m := From(webEvidence(), webPlan(), "web:1")
	m.Platform = "linux/arm64/v8"
	if got := decodeSeccomp(t, m); got.Architectures[0] != specs.ArchAARCH64 || slices.Contains(Allowed(m), "arch_prctl") {
		t.Errorf("arm64: architectures %v, arch_prctl %v", got.Architectures, slices.Contains(Allowed(m), "arch_prctl"))
	}
	m.Platform = "linux/vax"
	if _, err := Seccomp(m); err == nil || len(Allowed(m)) > 0 {
		t.Error("a filter was made for linux/vax")
	}
	few, ev := Allowed(From(webEvidence(), nil, "web:1")), webEvidence()
	ev.Paths[4].Path = layers.Path("lib/ld-linux.so.2")
	both := From(ev, nil, "web:1")
	if got := decodeSeccomp(t, both); !cmp.Equal(got.Architectures, []specs.Arch{specs.ArchX86_64, specs.ArchX86}) ||
		len(Allowed(both)) <= len(few) {
		t.Errorf("x86: architectures %v, %d calls", got.Architectures, len(Allowed(both)))
	}
	if !slices.ContainsFunc(both.Warnings, func(w string) bool { return strings.Contains(w, "32-bit") }) {
		t.Errorf("x86: warnings %q", both.Warnings)
	}
	if t.Logf("a web server: %d calls, all: %d", len(few), len(Allowed(both))); len(few) > 250 {
		t.Errorf("the filter of a small server allows %d calls", len(few))
	}
}

// TestSeccompImports: what programs import may be called, with its siblings; what asks for anything gets the whole default profile.
func TestSeccompImports(t *testing.T) {
	plan := webPlan()
	plan.Syscalls = []string{"getxattr", "mkdir"}
	m := From(webEvidence(), plan, "web:1")
	allowed := Allowed(m)
	for name, want := range map[string]bool{"getxattr": true, "lgetxattr": true, "mkdirat": true, "setxattr": false, "mq_open": false} {
		if slices.Contains(allowed, name) != want {
			t.Errorf("Allowed has %s: %v, want %v", name, !want, want)
		}
	}
	plan.AnySyscall = []layers.Path{"usr/bin/perl"}
	m = From(webEvidence(), plan, "web:1")
	if all := Allowed(From(nil, nil, "web:1")); !cmp.Equal(Allowed(m), all) {
		t.Errorf("a program that may make any call gets %d calls, want the default's %d", len(Allowed(m)), len(all))
	}
	if !slices.ContainsFunc(m.Warnings, func(w string) bool { return strings.HasPrefix(w, "/usr/bin/perl makes") }) {
		t.Errorf("warnings %q", m.Warnings)
	}
}

// TestBaselinesExist finds misspelt names: each is allowed by the default profile on some platform, or is refused on purpose.
func TestBaselinesExist(t *testing.T) {
	known := map[string]bool{"restart_syscall": true}
	for _, r := range defaultRules() {
		for _, name := range r.Names {
			known[name] = true
		}
	}
	words := append(slices.Clone(siblings), starters)
	for _, list := range baseline {
		words = append(words, list.calls)
	}
	for _, line := range words {
		for _, name := range strings.Fields(line) {
			if !known[name] {
				t.Errorf("%s is unknown to the default profile", name)
			}
		}
	}
}
