package elf_test

import (
	"bytes"
	stdelf "debug/elf"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
)

func read(t *testing.T, data []byte) *elf.File {
	t.Helper()
	file, err := elf.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return file
}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		spec elftest.Spec
		want elf.File
	}{
		"program": {
			elftest.Spec{
				Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"libb.so.2", "liba.so.1"}, Runpath: "$ORIGIN/../lib::/opt/lib",
				Flags1: stdelf.DF_1_PIE | stdelf.DF_1_NODEFLIB, Symbols: []string{"puts", "dlopen"},
				Strings: []string{"libplug.so.4", "cannot load lib", "see x.so.conf", "/usr/lib/y.so", "liba.so.1"},
			},
			elf.File{
				Class: stdelf.ELFCLASS64, Machine: stdelf.EM_X86_64, Type: stdelf.ET_DYN, Interp: "/lib64/ld-linux-x86-64.so.2",
				Needed: []string{"libb.so.2", "liba.so.1"}, Runpath: []string{"$ORIGIN/../lib", "/opt/lib"},
				NoDefaultLib: true, PIE: true, Dlopens: true, Imports: []string{"dlopen", "puts"}, Strings: []string{"/usr/lib/y.so", "libplug.so.4"},
			},
		},
		"library, 32 bits": {
			elftest.Spec{Machine: stdelf.EM_386, Soname: "libx.so.1", Rpath: "/a:/b"},
			elf.File{
				Class: stdelf.ELFCLASS32, Machine: stdelf.EM_386, Type: stdelf.ET_DYN, Soname: "libx.so.1", Rpath: []string{"/a", "/b"},
			},
		},
		"big endian": {
			elftest.Spec{Machine: stdelf.EM_S390, Needed: []string{"libc.so.6"}},
			elf.File{
				Class: stdelf.ELFCLASS64, Machine: stdelf.EM_S390, BigEndian: true, Type: stdelf.ET_DYN, Needed: []string{"libc.so.6"},
			},
		},
		"static": {
			elftest.Spec{Type: stdelf.ET_EXEC},
			elf.File{Class: stdelf.ELFCLASS64, Machine: stdelf.EM_X86_64, Type: stdelf.ET_EXEC, Static: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := read(t, elftest.Build(test.spec))
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
		})
	}
}

// The standard library's reader is the second witness on real files.
func TestReadRealFiles(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{self, "/bin/sh", "/usr/bin/env", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6"} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(name)
			if err != nil {
				t.Skipf("this machine has no %s", name)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			got, err := elf.Read(f, info.Size())
			if err != nil {
				t.Skipf("Read: %v", err) // a script
			}
			std, err := stdelf.NewFile(f)
			if err != nil {
				t.Fatal(err)
			}
			needed, err := std.DynString(stdelf.DT_NEEDED)
			if err != nil && len(got.Needed) > 0 {
				t.Fatal(err)
			}
			if diff := cmp.Diff(needed, got.Needed); diff != "" {
				t.Errorf("Needed (-debug/elf +got):\n%s", diff)
			}
			if got.Machine != std.Machine || got.Class != std.Class || got.Type != std.Type {
				t.Errorf("Read = %v %v %v, want %v %v %v", got.Machine, got.Class, got.Type, std.Machine, std.Class, std.Type)
			}
		})
	}
}

func TestReadAbsurd(t *testing.T) {
	good := elftest.Program("libc.so.6")
	edit := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	fill := func(b []byte) {
		for i := range b {
			b[i] = 0xff
		}
	}
	tests := map[string][]byte{
		"empty":                     {},
		"magic only":                good[:4],
		"cut header":                good[:40],
		"cut program headers":       good[:100],
		"class":                     edit(func(b []byte) { b[4] = 9 }),
		"byte order":                edit(func(b []byte) { b[5] = 9 }),
		"65535 program headers":     edit(func(b []byte) { fill(b[56:58]) }),
		"program headers far away":  edit(func(b []byte) { fill(b[32:40]) }),
		"huge interpreter":          edit(func(b []byte) { fill(b[64+2*56+32 : 64+2*56+40]) }),
		"huge dynamic section":      edit(func(b []byte) { fill(b[64+56+32 : 64+56+40]) }),
		"dynamic section elsewhere": edit(func(b []byte) { fill(b[64+56+8 : 64+56+16]) }),
		"not ELF":                   []byte("#!/bin/sh\n" + strings.Repeat("x", 100)),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := elf.Read(bytes.NewReader(data), int64(len(data))); err == nil {
				t.Error("Read: no error")
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
				t.Errorf("Read allocated %d bytes", got)
			}
		})
	}
}

func TestReadFindsNamesAcrossChunks(t *testing.T) {
	words := []string{strings.Repeat("x", 256<<10-700), strings.Repeat("y", 300) + " z"}
	for range 40 {
		words = append(words, "filler word", "libfirst.so.1")
	}
	file := read(t, elftest.Build(elftest.Spec{Strings: append(words, strings.Repeat("q", 256<<10), "liblast.so.2")}))
	if diff := cmp.Diff([]string{"libfirst.so.1", "liblast.so.2"}, file.Strings); diff != "" {
		t.Errorf("Strings (-want +got):\n%s", diff)
	}
}

func TestIsLibraryName(t *testing.T) {
	tests := map[string]bool{
		"libc.so.6": true, "libz.so": true, "/usr/lib/engine.so": true, "mod_dir.so": true, "libstdc++.so.6.0.30": true,
		"ld.so.cache": false, ".so": false, "libx.so.": false, "libx.so.conf": false, "libx.sot": false, "libx.so.1.": false, "a/.so": false,
	}
	for name, want := range tests {
		if got := elf.IsLibraryName(name); got != want {
			t.Errorf("IsLibraryName(%q) = %v, want %v", name, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(elftest.Program("libc.so.6", "libm.so.6"))
	f.Add(elftest.Build(elftest.Spec{Machine: stdelf.EM_386, Rpath: "/a:$ORIGIN", Strings: []string{"libx.so.1"}}))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		file, err := elf.Read(bytes.NewReader(data), int64(len(data)))
		if (file == nil) != (err != nil) {
			t.Fatalf("Read = %v, %v", file, err)
		}
	})
}
