//go:build linux

package trace

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// ways are how a program is traced. Each has to see the same.
var ways = []struct {
	name   string
	change func(*order)
}{
	{"filter", func(*order) {}},
	{"every call", func(o *order) { o.Plain = true }},
	{"names of calls", func(o *order) { o.Syscalls = true }},
	{"first process", func(o *order) { o.First = true }},
}

// TestAccesses holds the evidence against the truth: one program accesses files in every way there is, and each is named with what
// was done.
func TestAccesses(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			var names []string
			for _, a := range accesses() {
				names = append(names, a.files...)
			}
			dir := place(t, names...)
			if os.Getuid() == 0 {
				if err := reachable(dir); err != nil {
					t.Skip(err)
				}
				if err := os.Chmod(filepath.Join(dir, "secret"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := tracee(t, "all", dir, way.change)
			for _, a := range accesses() {
				t.Run(a.name, func(t *testing.T) {
					if a.root && os.Getuid() != 0 {
						t.Skip("only root can do it")
					}
					got.want(t, dir, a.want)
					got.wantMissing(t, dir, a.missing)
				})
			}
			if !slices.Contains(got.Evidence.Syscalls, "openat2") || slices.Contains(got.Evidence.Syscalls,
				"read") != (way.name == "every call" || way.name == "names of calls") {
				t.Errorf("system calls %q", got.Evidence.Syscalls)
			}
			if len(got.Evidence.Warnings) > 0 {
				t.Errorf("warnings %q", got.Evidence.Warnings)
			}
			got.interpreters(t)
			got.users(t)
		})
	}
}

// interpreters are what the kernel itself opens, and no call names.
func (s seen) interpreters(t *testing.T) {
	t.Helper()
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if ops := s.ops("/", shell); !strings.Contains(ops, "exec") || !strings.Contains(ops, "interp") {
		t.Errorf("%s: %q, want it executed, and the interpreter of the script", shell, ops)
	}
	program, err := elf.Open(shell)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	section := program.Section(".interp")
	if section == nil {
		return // a static shell
	}
	data, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	loader, err := filepath.EvalSymlinks(string(bytes.TrimRight(data, "\x00")))
	if err != nil {
		t.Fatal(err)
	}
	if ops := s.ops("/", loader); !strings.Contains(ops, "interp") {
		t.Errorf("%s: %q, want it the interpreter of %s", loader, ops, shell)
	}
}

func (s seen) users(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 && !slices.ContainsFunc(s.Evidence.Processes,
		func(p analyzer.Process) bool { return p.UID == 65534 && p.GID == 65534 }) {
		t.Errorf("processes %+v, want one of user 65534", s.Evidence.Processes)
	}
}

func TestChanges(t *testing.T) {
	dir := place(t, "appended", "old", "removed", "changed", "linked", "there/x", "fchanged", "touched", "truncated", "overwritten", "moved",
		"replacing", "temporary/")
	got := tracee(t, "changes", dir)
	got.want(t, dir, map[string]string{"appended": "write", "made": "create", "newdir": "create", "old": "write", "renamed": "create",
		"removed": "write", "changed": "write",
		"newlink": "create", "linked": "stat", "newname": "create", "there": "stat", "fchanged": "open write", "touched": "write",
		"truncated": "write", "overwritten": "open write",
		"moved": "write", "replacing": "stat write", "temporary": "write", "fifo": "create"})
	got.wantMissing(t, dir, map[string]string{"no/dir": "ENOENT"})
}

// Every one of 40,000 files, also those whose names begin like others', and none lost when they come fast.
func TestManyFiles(t *testing.T) {
	dir := place(t)
	for i := range 40_000 {
		f, err := os.Create(filepath.Join(dir, "f"+strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	got := tracee(t, "many", dir)
	count := 0
	for _, use := range got.Evidence.Paths {
		if strings.HasPrefix(string(use.Path), string(layers.CleanPath(dir))+"/f") && slices.Equal(use.Ops, []analyzer.Op{analyzer.OpStat}) {
			count++
		}
	}
	if count != 40_000 {
		t.Errorf("%d of 40,000 files were recorded", count)
	}
}

// D9: the incumbent stops its program at every system call, twice. Calls that take no path must not stop it at all.
func TestD9OnlyCallsWithPathsStop(t *testing.T) {
	dir := place(t, "open")
	few := tracee(t, "quiet", dir, func(o *order) { o.Entry.Env = append(o.Entry.Env, "CALLS=0") })
	many := tracee(t, "quiet", dir, func(o *order) { o.Entry.Env = append(o.Entry.Env, "CALLS=100000") })
	if few.Stops == 0 || many.Stops > few.Stops+2000 { // Go's scheduler sends a program that runs for longer a signal every 10 ms
		t.Errorf("%d stops without and %d with 100,000 calls that take no path, want as many", few.Stops, many.Stops)
	}
	every := tracee(t, "quiet", dir, func(o *order) { o.Entry.Env, o.Plain = append(o.Entry.Env, "CALLS=10000"), true })
	if every.Stops < few.Stops+20_000 {
		t.Errorf("%d stops with 10,000 calls when each stops the program twice: they were not made, or not counted", every.Stops)
	}
	many.want(t, dir, map[string]string{"open": "open"})
}

// The same program gives the same evidence.
func TestSameEvidence(t *testing.T) {
	dir := place(t, "a", "b", "c")
	o := command(t, dir, "sh", "-c", "cat a b; (cat c); ls; cat nothing; true")
	one, two := observe(t, o), observe(t, o)
	a, _ := json.Marshal(one.Evidence)
	b, _ := json.Marshal(two.Evidence)
	if string(a) != string(b) {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
}
