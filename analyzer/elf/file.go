// Package elf reads what the dynamic loader needs of an ELF file and finds libraries as glibc's and musl's loaders do,
// inside a root filesystem, without running anything of it.
package elf

import (
	"bytes"
	"debug/elf"
)

// File is what the loader reads of one ELF file.
type File struct {
	Class     elf.Class
	Machine   elf.Machine
	BigEndian bool
	Type      elf.Type
	Interp    string   // PT_INTERP, "" when none
	Needed    []string // DT_NEEDED, in order
	Soname    string
	Rpath     []string // DT_RPATH split at colons, not expanded
	Runpath   []string // DT_RUNPATH likewise; when there is one, loaders ignore Rpath
	// NoDefaultLib is DF_1_NODEFLIB: the default directories are not searched.
	NoDefaultLib bool
	PIE          bool // DF_1_PIE
	Static       bool // a program that needs no loader
	Go           bool // linked by Go
	// Dlopens says that its dynamic string table holds a name ending in dlopen or dlmopen (imported or defined).
	Dlopens bool
	// Imports are the names of the undefined symbols of its dynamic symbol table, without version, sorted, at most maxImports.
	Imports []string
	// Strings are words in its read-only data that look like names of shared libraries ("libssl.so.3", "/usr/lib/x.so"),
	// sorted, at most maxStrings of them; Needed, Soname and Interp are left out.
	Strings []string
}

// IsELF says whether a file beginning with head is an ELF file.
func IsELF(head []byte) bool { return bytes.HasPrefix(head, []byte(elf.ELFMAG)) }
