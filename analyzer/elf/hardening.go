package elf

import (
	"bytes"
	"debug/elf"
	"io"
)

// Hardening describes how a linked file is protected against memory errors, according to its headers and the names in its dynamic
// string table.
type Hardening struct {
	Type      elf.Type
	Program   bool // else a library
	Dynamic   bool // it has a dynamic section
	Needs     bool // and needs libraries
	ExecStack bool // it asks for an executable stack, or does not say: glibc then gives it one (DEFAULT_STACK_PERMS)
	WX        bool // a segment is writable and executable
	RELRO     bool // relocations are read-only once they are done
	Now       bool // and all are done at start
	Canary    bool // it names what the stack protector calls
	GNU       bool // it needs glibc
	Fortified bool // it names checking functions of glibc
	Formats   bool // it names functions of the printf family that do not check
}

// maxDynstr bounds the dynamic string table that is looked at, in bytes.
const maxDynstr = 16 << 20

// ReadHardening reads the headers and the dynamic string table of the ELF file of size bytes in r, but no code or data. It uses about as
// much memory as that table. It fails if the headers point outside the file.
func ReadHardening(r io.ReaderAt, size int64) (*Hardening, error) {
	m := &image{r: r, size: size, file: &File{}}
	if err := m.readHeader(); err != nil {
		return nil, err
	}
	tags, table, err := m.dynamicSection()
	if err != nil {
		return nil, err
	}
	h := &Hardening{Type: m.file.Type, Now: tags.now, Needs: len(tags.needed) > 0, ExecStack: true}
	interp := false
	for _, p := range m.progs {
		switch p.typ {
		case elf.PT_INTERP:
			interp = true
		case elf.PT_DYNAMIC:
			h.Dynamic = true
		case elf.PT_GNU_STACK:
			h.ExecStack = p.flags&elf.PF_X != 0
		case elf.PT_GNU_RELRO:
			h.RELRO = true
		case elf.PT_LOAD:
			h.WX = h.WX || p.flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X
		}
	}
	h.Program = h.Type == elf.ET_EXEC || interp || elf.DynFlag1(tags.flags1)&elf.DF_1_PIE != 0
	names, err := m.bytesAt(table.off, min(table.size, maxDynstr), "string table")
	if err != nil {
		return nil, err
	}
	for len(names) > 0 {
		var name []byte
		name, names, _ = bytes.Cut(names, []byte{0})
		h.note(name)
	}
	return h, nil
}

// note records the compiler option that a name shows. glibc's headers replace the printf family with checking functions whenever
// FORTIFY_SOURCE is on (feature_test_macros(7)).
func (h *Hardening) note(name []byte) {
	switch string(name) {
	case "__stack_chk_fail", "__stack_chk_guard", "__stack_chk_fail_local":
		h.Canary = true
	case "libc.so.6":
		h.GNU = true
	case "printf", "fprintf", "vprintf", "vfprintf", "sprintf", "snprintf", "vsprintf", "vsnprintf":
		h.Formats = true
	default:
		h.Fortified = h.Fortified || bytes.HasPrefix(name, []byte("__")) && bytes.HasSuffix(name, []byte("_chk"))
	}
}
