package elf_test

import (
	"bytes"
	stdelf "debug/elf"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
)

// Imports are taken by their place, not cut out of the string table: linkers store a name that ends another only once.
func TestImports(t *testing.T) {
	want := []string{"__read_chk", "getxattr", "mkdir", "preadv64v2"}
	for name, machine := range map[string]stdelf.Machine{"64 bits": stdelf.EM_X86_64, "32 bits": stdelf.EM_386, "big endian": stdelf.EM_S390} {
		for way, count := range map[string]elftest.Count{
			"GNU hash": elftest.ByGNUHash, "hash": elftest.ByHash, "section headers": elftest.BySections, "place": elftest.ByPlace,
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				data := elftest.Build(elftest.Spec{
					Machine: machine, Symbols: []string{"preadv64v2", "mkdir", "__read_chk", "getxattr"}, Exports: []string{"main", "unlink", "other"},
					Count: count,
				})
				if diff := cmp.Diff(want, read(t, data).Imports); diff != "" {
					t.Errorf("Imports (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A file that exports nothing has a table of GNU ld that does not tell the number of symbols, or one of LLD that does.
func TestImportsWithoutExports(t *testing.T) {
	want := []string{"getxattr", "mkdir"}
	for way, count := range map[string]elftest.Count{"GNU ld": elftest.ByEmptyHash, "LLD": elftest.ByGNUHash} {
		data := elftest.Build(elftest.Spec{Machine: stdelf.EM_AARCH64, Symbols: []string{"mkdir", "getxattr"}, Count: count})
		if diff := cmp.Diff(want, read(t, data).Imports); diff != "" {
			t.Errorf("%s: Imports (-want +got):\n%s", way, diff)
		}
	}
}

func TestImportsShareBytes(t *testing.T) {
	data := elftest.Build(elftest.Spec{Symbols: []string{"fgetxattr", "getxattr"}})
	// The second name becomes the end of the first one, as linkers write it.
	first, second := bytes.Index(data, []byte("fgetxattr\x00")), bytes.Index(data, []byte("\x00getxattr\x00"))+1
	strtab := bytes.Index(data, []byte("\x00fgetxattr"))
	at := bytes.Index(data, []byte{byte(second - strtab), 0, 0, 0})
	data[at] = byte(first - strtab + 1)
	copy(data[second:], "zzzzzzzz")
	if diff := cmp.Diff([]string{"fgetxattr", "getxattr"}, read(t, data).Imports); diff != "" {
		t.Errorf("Imports (-want +got):\n%s", diff)
	}
}

// The standard library's reader is the second witness.
func TestImportsOfRealFiles(t *testing.T) {
	for _, name := range []string{"/bin/sh", "/usr/bin/env", "/usr/bin/git", "/usr/bin/perl", "/usr/bin/gcc"} {
		f, err := stdelf.Open(name)
		if err != nil {
			t.Logf("this machine has no %s", name)
			continue
		}
		defer f.Close()
		symbols, err := f.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		all, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got := read(t, all).Imports
		for _, symbol := range symbols {
			if !slices.Contains(got, symbol.Name) {
				t.Errorf("%s: %s is not among the imports", name, symbol.Name)
			}
		}
	}
}

func TestCode(t *testing.T) {
	const slot = 0x9000
	near := func(code []byte) int { return elftest.CodeAt + len(code) }
	call := func(code []byte, op byte, to int) []byte { // call or jmp
		d := to - near(code) - 5
		return append(code, op, byte(d), byte(d>>8), byte(d>>16), byte(d>>24))
	}
	stub := func(code []byte) []byte { // jmp *slot(%rip)
		d := slot - near(code) - 6
		return append(code, 0xff, 0x25, byte(d), byte(d>>8), byte(d>>16), byte(d>>24))
	}
	pad := bytes.Repeat([]byte{0x90}, 200)
	constant := append(bytes.Clone(pad), 0xb8, 0x48, 1, 0, 0, 0x0f, 0x05, 0xc3)                    // mov $328,%eax; syscall; ret
	pushed := append(bytes.Clone(pad), 0x6a, 0x27, 0x58, 0x0f, 0x05, 0xc3)                         // push $39; pop %rax; syscall; ret
	branch := append(bytes.Clone(pad), 0xb8, 9, 0, 0, 0, 0x74, 5, 0xe8, 0, 0, 0, 0, 0x0f, 0x05)    // mov $9,%eax; je; call; syscall
	inside := append(bytes.Clone(pad), 0x48, 0xb8, 1, 2, 3, 4, 0x0f, 0x05, 7, 8, 0xc3, 0x90, 0x90) // movabs with 0f 05 in it
	memory := append(bytes.Clone(pad), 0x8b, 0x05, 0, 0, 0, 0, 0x0f, 0x05, 0xc3)                   // mov 0(%rip),%eax; syscall; ret
	imported := call(append(call(append(stub(nil), pad...), 0xe8, elftest.CodeAt+206), 0xbf, 0x3e, 1, 0, 0), 0xe8, elftest.CodeAt)
	unknown := call(append(call(append(stub(nil), pad...), 0xe8, elftest.CodeAt+206), 0x8b, 0x3d, 0, 0, 0, 0), 0xe8, elftest.CodeAt)
	wrapper := append(bytes.Clone(pad), 0x89, 0xf8, 0x0f, 0x05, 0xc3) // mov %edi,%eax; syscall; ret
	wrapper = append(call(append(wrapper, 0xbf, 0x4d, 0, 0, 0), 0xe8, elftest.CodeAt+len(pad)), pad...)
	arm := []byte{0x68, 0x22, 0x80, 0xd2, 0x01, 0, 0, 0xd4} // mov x8,#275; svc #0
	for name, test := range map[string]struct {
		spec elftest.Spec
		want elf.Code
	}{
		"constant":            {elftest.Spec{Type: stdelf.ET_EXEC, Code: constant}, elf.Code{Numbers: []int{328}}},
		"pushed":              {elftest.Spec{Type: stdelf.ET_EXEC, Code: pushed}, elf.Code{Numbers: []int{39}}},
		"branch over a call":  {elftest.Spec{Needed: []string{"libc.so.6"}, Code: branch}, elf.Code{Numbers: []int{9}}},
		"inside a constant":   {elftest.Spec{Needed: []string{"libc.so.6"}, Code: inside}, elf.Code{}},
		"from memory":         {elftest.Spec{Needed: []string{"libc.so.6"}, Code: memory}, elf.Code{Open: true}},
		"handed on":           {elftest.Spec{Needed: []string{"libc.so.6"}, Code: wrapper}, elf.Code{Numbers: []int{77}}},
		"imported":            {elftest.Spec{Symbols: []string{"syscall"}, Slot: slot, Code: imported}, elf.Code{Numbers: []int{318}}},
		"imported, unknown":   {elftest.Spec{Symbols: []string{"syscall"}, Slot: slot, Code: unknown}, elf.Code{Open: true}},
		"imported, no call":   {elftest.Spec{Symbols: []string{"syscall"}, Slot: slot, Code: pad}, elf.Code{Open: true}},
		"static without any":  {elftest.Spec{Type: stdelf.ET_EXEC}, elf.Code{Open: true}},
		"nothing":             {elftest.Spec{Needed: []string{"libc.so.6"}, Symbols: []string{"puts"}, Code: pad}, elf.Code{}},
		"the C library":       {elftest.Spec{Soname: "libc.so.6", Code: memory}, elf.Code{}},
		"arm64":               {elftest.Spec{Machine: stdelf.EM_AARCH64, Type: stdelf.ET_EXEC, Code: arm}, elf.Code{Numbers: []int{275}}},
		"a machine not known": {elftest.Spec{Machine: stdelf.EM_S390, Symbols: []string{"syscall"}}, elf.Code{Open: true}},
	} {
		t.Run(name, func(t *testing.T) {
			data := elftest.Build(test.spec)
			got, err := elf.ReadCode(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ReadCode (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReadCode(f *testing.F) {
	f.Add(elftest.Build(elftest.Spec{Type: stdelf.ET_EXEC, Code: []byte{0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xe8, 0xf4, 0xff, 0xff, 0xff}}))
	f.Add(elftest.Build(elftest.Spec{Machine: stdelf.EM_AARCH64, Type: stdelf.ET_EXEC, Code: []byte{0x68, 0x22, 0x80, 0xd2, 0x01, 0, 0,
		0xd4}}))
	f.Add(elftest.Build(elftest.Spec{Symbols: []string{"syscall"}, Slot: 0x2000, Code: []byte{0xff, 0x25, 0xfa, 0x0f, 0, 0, 0xe8, 0, 0, 0,
		0}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		code, err := elf.ReadCode(bytes.NewReader(data), int64(len(data)))
		if err == nil && !slices.IsSorted(code.Numbers) {
			t.Fatalf("ReadCode = %v", code)
		}
	})
}
