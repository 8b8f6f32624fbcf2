// Package elftest builds small ELF files for tests: enough for a loader's eyes, no code.
package elftest

import "debug/elf"

// Spec says what the file holds. The zero value is a 64-bit little-endian x86-64 shared library that needs nothing.
type Spec struct {
	Machine elf.Machine // EM_X86_64 when zero
	Class   elf.Class   // by Machine when zero
	Type    elf.Type    // ET_DYN when zero
	Interp  string
	Needed  []string
	Rpath   string
	Runpath string
	Soname  string
	Flags1  elf.DynFlag1
	Strings []string // literals in .rodata
	Symbols []string // names put in the dynamic string table, as imports would be
}

// Build is the file's bytes.
func Build(spec Spec) []byte { return nil }
