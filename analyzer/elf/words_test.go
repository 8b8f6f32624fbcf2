package elf_test

import (
	"bytes"
	stdelf "debug/elf"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
)

func words(t *testing.T, data []byte, want ...string) []string {
	t.Helper()
	got, err := elf.ReadWords(bytes.NewReader(data), int64(len(data)), func(word string) bool { return slices.Contains(want, word) })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWords(t *testing.T) {
	filler := make([]string, 3000)
	for i := range filler {
		filler[i] = strings.Repeat("f", 90+i%10)
	}
	spec := elftest.Spec{Interp: "/lib/ld.so", Strings: append(append([]string{
		"git", "digit", "gitk\x01rsync", "/usr/bin/ssh -x %s", "run svn now", "two\nscp",
	}, filler...), "last")}
	want := []string{"/usr/bin/ssh", "git", "last", "rsync", "scp"}
	if diff := cmp.Diff(want, words(t, elftest.Build(spec), "git", "rsync", "/usr/bin/ssh", "svn", "scp", "last", "gitk")); diff != "" {
		t.Errorf("Words (-want +got):\n%s", diff)
	}
}

// Go and Rust write strings one behind the other; code loads them with their lengths.
func TestWordsWithLengths(t *testing.T) {
	const text = "a blob with xgitlabsvn in it"
	for name, test := range map[string]struct {
		machine stdelf.Machine
		load    func(to int) []byte // loads the three bytes there
		mark    string
		want    []string
	}{
		"x86-64": {stdelf.EM_X86_64, func(to int) []byte {
			d := to - elftest.CodeAt - 7
			return []byte{0x48, 0x8d, 0x05, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24), 0xbb, 3, 0, 0, 0, 0xc3}
		}, "os/exec.Command", []string{"git"}},
		"arm64": {stdelf.EM_AARCH64, func(to int) []byte { // adrp x0, -1 page; add x0, x0, #to; movz x1, #3
			add := uint32(0x91000000 | to<<10)
			return []byte{0xe0, 0xff, 0xff, 0xf0, byte(add), byte(add >> 8), byte(add >> 16), byte(add >> 24), 0x61, 0, 0x80, 0xd2}
		}, "/rustc/0123/library/std/src/process.rs", []string{"git"}},
		"no such language": {stdelf.EM_X86_64, func(to int) []byte {
			d := to - elftest.CodeAt - 7
			return []byte{0x48, 0x8d, 0x05, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24), 0xbb, 3, 0, 0, 0, 0xc3}
		}, "nothing", nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec := elftest.Spec{Machine: test.machine, Type: stdelf.ET_EXEC, Strings: []string{text, test.mark}, Code: make([]byte, 16)}
			spec.Code = test.load(bytes.Index(elftest.Build(spec), []byte("gitlab")))
			spec.Code = append(spec.Code, make([]byte, 32)...)
			if diff := cmp.Diff(test.want, words(t, elftest.Build(spec), "git", "gitlab", "svn")); diff != "" {
				t.Errorf("Words (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReadWords(f *testing.F) {
	f.Add(elftest.Build(elftest.Spec{Strings: []string{"git", "/rustc/"}, Code: []byte{0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xbb, 3, 0, 0, 0}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		_, _ = elf.ReadWords(bytes.NewReader(data), int64(len(data)), func(word string) bool {
			if len(word) < 3 || len(word) > 256 {
				t.Fatalf("asked about %q", word)
			}
			return true
		})
	})
}
