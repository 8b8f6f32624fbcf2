// Package elftest builds small ELF files for tests: they have the structures that a loader reads, and code only where Spec has some.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Spec describes the file. The zero value is a 64-bit little-endian x86-64 shared library that needs nothing.
type Spec struct {
	Machine elf.Machine // EM_X86_64 when zero
	Class   elf.Class   // ELFCLASS32 for EM_386 and EM_ARM, else ELFCLASS64, when zero
	Type    elf.Type    // ET_DYN when zero
	Interp  string
	Needed  []string
	Rpath   string
	Runpath string
	Soname  string
	Flags1  elf.DynFlag1
	Strings []string // literals in read-only data
	Symbols []string // imported
	Exports []string // defined
	Count   Count    // how a reader can find the number of symbols
	Marks   []Mark   // more program headers
	Code    []byte   // loaded at CodeAt, executable
	// Slot is an address at which the loader puts that of the first imported symbol, 0 for none.
	Slot uint64
}

// Count is a way to know the number of dynamic symbols.
type Count int

// Ways of Count.
const (
	ByGNUHash   Count = iota // DT_GNU_HASH
	ByHash                   // DT_HASH
	BySections               // section headers alone
	ByPlace                  // only the position of the string table after the symbols
	ByEmptyHash              // DT_GNU_HASH as GNU ld writes it where nothing is exported: its first symbol is 1 whatever their number
)

// CodeAt is the address, and the place in the file, of Spec.Code.
const CodeAt = 0x1000

// Mark is a program header without content, such as PT_GNU_STACK.
type Mark struct {
	Type  elf.ProgType
	Flags elf.ProgFlag
}

// Program is a dynamically linked program of glibc on x86-64 that needs the named libraries.
func Program(needed ...string) []byte {
	return Build(Spec{Interp: "/lib64/ld-linux-x86-64.so.2", Needed: needed, Flags1: elf.DF_1_PIE})
}

// Library is a shared library for x86-64 that needs the named libraries.
func Library(soname string, needed ...string) []byte {
	return Build(Spec{Soname: soname, Needed: needed})
}

// writer appends numbers in the file's byte order and word size.
type writer struct {
	bytes.Buffer
	order binary.ByteOrder
	wide  bool
}

func (w *writer) half(v uint16) { w.put(2, func(b []byte) { w.order.PutUint16(b, v) }) }
func (w *writer) full(v uint32) { w.put(4, func(b []byte) { w.order.PutUint32(b, v) }) }

func (w *writer) put(size int, fill func([]byte)) {
	b := make([]byte, size)
	fill(b)
	w.Write(b)
}

func (w *writer) word(v int) {
	if w.wide {
		w.put(8, func(b []byte) { w.order.PutUint64(b, uint64(v)) })
	} else {
		w.full(uint32(v))
	}
}

// Build is the file's bytes: header, program headers, one read-only segment over the whole file, and one of code where there is any.
func Build(spec Spec) []byte {
	spec = withDefaults(spec)
	w := &writer{order: binary.LittleEndian, wide: spec.Class == elf.ELFCLASS64}
	if spec.Machine == elf.EM_S390 {
		w.order = binary.BigEndian
	}
	headerSize, progSize, wordSize := 52, 32, 4
	if w.wide {
		headerSize, progSize, wordSize = 64, 56, 8
	}
	interp := ""
	progs := 2 + len(spec.Marks)
	if spec.Interp != "" {
		interp, progs = spec.Interp+"\x00", progs+1
	}
	if len(spec.Code) > 0 {
		progs++
	}
	interpAt := headerSize + progs*progSize
	symbolsAt := (interpAt + len(interp) + 7) &^ 7
	table := w.symbols(spec, symbolsAt)
	dynAt := (symbolsAt + len(table.bytes) + 7) &^ 7
	dynSize := len(table.tags) * 2 * wordSize
	var rodata bytes.Buffer
	rodata.WriteByte(0)
	for _, s := range spec.Strings {
		rodata.WriteString(s + "\x00")
	}
	end := dynAt + dynSize + rodata.Len()
	header(w, spec, headerSize, progSize, progs, table.sections(spec, end))
	w.prog(elf.PT_LOAD, elf.PF_R, 0, end)
	w.prog(elf.PT_DYNAMIC, elf.PF_R, dynAt, dynSize)
	if interp != "" {
		w.prog(elf.PT_INTERP, elf.PF_R, interpAt, len(interp))
	}
	if len(spec.Code) > 0 {
		w.prog(elf.PT_LOAD, elf.PF_R|elf.PF_X, CodeAt, len(spec.Code))
	}
	for _, mark := range spec.Marks {
		w.prog(mark.Type, mark.Flags, 0, 0)
	}
	w.WriteString(interp)
	w.pad(symbolsAt)
	w.Write(table.bytes)
	w.pad(dynAt)
	for _, tag := range table.tags {
		w.word(tag[0])
		w.word(tag[1])
	}
	w.Write(rodata.Bytes())
	if spec.Count == BySections {
		table.header(w)
	}
	if len(spec.Code) > 0 {
		w.pad(CodeAt)
		w.Write(spec.Code)
	}
	return w.Bytes()
}

// pad fills up to an offset.
func (w *writer) pad(at int) { w.Write(make([]byte, at-w.Len())) }

func withDefaults(spec Spec) Spec {
	if spec.Machine == 0 {
		spec.Machine = elf.EM_X86_64
	}
	if spec.Class == 0 {
		spec.Class = elf.ELFCLASS64
		if spec.Machine == elf.EM_386 || spec.Machine == elf.EM_ARM {
			spec.Class = elf.ELFCLASS32
		}
	}
	if spec.Type == 0 {
		spec.Type = elf.ET_DYN
	}
	return spec
}

func header(w *writer, spec Spec, headerSize, progSize, progs, sectionsAt int) {
	data := elf.ELFDATA2LSB
	if w.order == binary.ByteOrder(binary.BigEndian) {
		data = elf.ELFDATA2MSB
	}
	w.WriteString(elf.ELFMAG)
	w.Write([]byte{byte(spec.Class), byte(data), byte(elf.EV_CURRENT), 0, 0, 0, 0, 0, 0, 0, 0, 0})
	w.half(uint16(spec.Type))
	w.half(uint16(spec.Machine))
	w.full(uint32(elf.EV_CURRENT))
	w.word(0)          // entry point
	w.word(headerSize) // program headers
	w.word(sectionsAt) // section headers
	w.full(0)          // flags
	w.half(uint16(headerSize))
	w.half(uint16(progSize))
	w.half(uint16(progs))
	if sectionsAt == 0 {
		w.Write(make([]byte, 6))
		return
	}
	w.half(uint16(sectionSize[w.wide]))
	w.half(2)
	w.half(0) // the first one has the names, of which there are none
}

// prog appends a program header of bytes that lie at the same place in file and memory.
func (w *writer) prog(typ elf.ProgType, flags elf.ProgFlag, at, size int) {
	w.full(uint32(typ))
	if w.wide {
		w.full(uint32(flags))
	}
	for _, v := range []int{at, at, at, size, size} {
		w.word(v)
	}
	if !w.wide {
		w.full(uint32(flags))
	}
	w.word(8)
}
