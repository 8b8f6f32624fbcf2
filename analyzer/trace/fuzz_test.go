//go:build linux

package trace

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the tracer reads of programs is the image's.
func FuzzInterpreter(f *testing.F) {
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte("#!"))
	if program, err := os.ReadFile("/bin/true"); err == nil {
		f.Add(program[:min(len(program), 4096)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if name := interpreterOf(bytes.NewReader(data)); len(name) >= unix.PathMax {
			t.Errorf("a name of %d bytes", len(name))
		}
	})
}

// A filter that compiles is one that the kernel takes: each way through it ends.
func FuzzEnforcement(f *testing.F) {
	f.Add([]byte(`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38,
			"args": [{"index": 1, "value": 9, "op": "SCMP_CMP_NE"}, {"index": 0, "value": 1, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		program, err := enforcement(data)
		if err != nil {
			return
		}
		if len(program) == 0 || len(program) > unix.BPF_MAXINSNS {
			t.Fatalf("%d instructions", len(program))
		}
		for i, in := range program {
			furthest := i + 1 + int(max(in.Jt, in.Jf))
			if last := i == len(program)-1; last != (furthest >= len(program)) || last && in.Code != unix.BPF_RET|unix.BPF_K {
				t.Fatalf("instruction %d of %d: %+v", i, len(program), in)
			}
		}
	})
}

// The user of an image, and the files that name users.
func FuzzResolveUser(f *testing.F) {
	f.Add("app:app", "app:x:10:11::/home:/bin/sh\n", "app:x:12:\nextra:x:13:app\n")
	f.Add("10:0", "", ":::\n")
	f.Fuzz(func(t *testing.T, spec, passwd, group string) {
		root := t.TempDir()
		if err := all(os.Mkdir(root+"/etc", 0o755), os.WriteFile(root+"/etc/passwd", []byte(passwd), 0o644),
			os.WriteFile(root+"/etc/group", []byte(group), 0o644)); err != nil {
			t.Fatal(err)
		}
		if id, err := ResolveUser(root, spec); err == nil && spec == "" && id.UID != 0 || err == nil && strings.HasPrefix(spec, "7:") &&
			id.UID != 7 {
			t.Errorf("ResolveUser(%q) = %+v", spec, id)
		}
	})
}
