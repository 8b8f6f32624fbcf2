package elf_test

import (
	"bytes"
	stdelf "debug/elf"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
)

func TestReadHardening(t *testing.T) {
	stack := elftest.Mark{Type: stdelf.PT_GNU_STACK, Flags: stdelf.PF_R | stdelf.PF_W}
	tests := map[string]struct {
		spec elftest.Spec
		want elf.Hardening
	}{
		"nothing": {elftest.Spec{}, elf.Hardening{Type: stdelf.ET_DYN, Dynamic: true, ExecStack: true}},
		"stack":   {elftest.Spec{Marks: []elftest.Mark{stack}}, elf.Hardening{Type: stdelf.ET_DYN, Dynamic: true}},
		"exec stack": {elftest.Spec{Marks: []elftest.Mark{{Type: stdelf.PT_GNU_STACK, Flags: 7}}},
			elf.Hardening{Type: stdelf.ET_DYN, Dynamic: true, ExecStack: true}},
		"fixed address": {
			elftest.Spec{Type: stdelf.ET_EXEC, Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}, Marks: []elftest.Mark{stack}},
			elf.Hardening{Type: stdelf.ET_EXEC, Program: true, Dynamic: true, Needs: true, GNU: true},
		},
		"a program that needs no loader": {
			elftest.Spec{Flags1: stdelf.DF_1_PIE, Marks: []elftest.Mark{stack}},
			elf.Hardening{Type: stdelf.ET_DYN, Program: true, Dynamic: true},
		},
		"all of it, 32 bit": {
			elftest.Spec{
				Machine: stdelf.EM_386, Interp: "/lib/ld.so", Flags1: stdelf.DF_1_PIE | stdelf.DF_1_NOW, Needed: []string{"libc.so.6"},
				Symbols: []string{"__stack_chk_fail", "__printf_chk"}, Marks: []elftest.Mark{stack, {Type: stdelf.PT_GNU_RELRO, Flags: stdelf.PF_R}},
			},
			elf.Hardening{Type: stdelf.ET_DYN, Program: true, Dynamic: true, Needs: true, RELRO: true, Now: true, Canary: true, GNU: true,
				Fortified: true},
		},
		"writable code, printf": {
			elftest.Spec{Symbols: []string{"sprintf", "xprintf"},
				Marks: []elftest.Mark{stack, {Type: stdelf.PT_LOAD, Flags: stdelf.PF_W | stdelf.PF_X}}},
			elf.Hardening{Type: stdelf.ET_DYN, Dynamic: true, WX: true, Formats: true},
		},
	}
	for name, test := range tests {
		data := elftest.Build(test.spec)
		got, err := elf.ReadHardening(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(test.want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzReadHardening(f *testing.F) {
	f.Add(elftest.Program("libc.so.6"))
	f.Add(elftest.Build(elftest.Spec{Machine: stdelf.EM_386, Symbols: []string{"__printf_chk"},
		Marks: []elftest.Mark{{Type: stdelf.PT_GNU_STACK}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := elf.ReadHardening(bytes.NewReader(data), int64(len(data)))
		if (got == nil) != (err != nil) {
			t.Fatalf("ReadHardening = %v, %v", got, err)
		}
	})
}
