// Package elf reads the parts of an ELF file that the dynamic loader needs and finds libraries as glibc's and musl's loaders do, inside
// a root filesystem, without running any of its programs.
package elf

import (
	"bytes"
	"debug/elf"
)

// File holds the parts of an ELF file that the loader reads.
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
	// Dlopens is set if its dynamic string table holds a name ending in dlopen or dlmopen (imported or defined).
	Dlopens bool
	// Imports are the names of the undefined symbols of its dynamic symbol table, without version, sorted, at most maxImports.
	Imports []string
	// Strings are words in its read-only data that look like names of shared libraries ("libssl.so.3", "/usr/lib/x.so"),
	// sorted, at most maxStrings of them; Needed, Soname and Interp are left out.
	Strings []string
}

// IsELF reports whether a file that begins with head is an ELF file.
func IsELF(head []byte) bool { return bytes.HasPrefix(head, []byte(elf.ELFMAG)) }
