// Package elftest builds small ELF files for tests: enough for a loader's eyes, no code.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Spec says what the file holds. The zero value is a 64-bit little-endian x86-64 shared library that needs nothing.
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
	Symbols []string // names put in the dynamic string table, as imports would be
	Marks   []Mark   // more program headers
}

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

// Build is the file's bytes: header, program headers, one read-only segment over the whole file, no sections.
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
	strtab, tags := dynamic(spec)
	interp := ""
	progs := 2
	if spec.Interp != "" {
		interp, progs = spec.Interp+"\x00", 3
	}
	progs += len(spec.Marks)
	interpAt := headerSize + progs*progSize
	strtabAt := interpAt + len(interp)
	dynAt := (strtabAt + len(strtab) + 7) &^ 7
	tags = append(tags, [2]int{int(elf.DT_STRTAB), strtabAt}, [2]int{int(elf.DT_STRSZ), len(strtab)}, [2]int{})
	dynSize := len(tags) * 2 * wordSize
	var rodata bytes.Buffer
	rodata.WriteByte(0)
	for _, s := range spec.Strings {
		rodata.WriteString(s + "\x00")
	}
	header(w, spec, headerSize, progSize, progs)
	w.prog(elf.PT_LOAD, elf.PF_R, 0, dynAt+dynSize+rodata.Len())
	w.prog(elf.PT_DYNAMIC, elf.PF_R, dynAt, dynSize)
	if interp != "" {
		w.prog(elf.PT_INTERP, elf.PF_R, interpAt, len(interp))
	}
	for _, mark := range spec.Marks {
		w.prog(mark.Type, mark.Flags, 0, 0)
	}
	w.WriteString(interp + strtab)
	w.Write(make([]byte, dynAt-w.Len()))
	for _, tag := range tags {
		w.word(tag[0])
		w.word(tag[1])
	}
	w.Write(rodata.Bytes())
	return w.Bytes()
}

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

// dynamic makes the string table and the entries that point into it.
func dynamic(spec Spec) (strtab string, tags [][2]int) {
	strtab = "\x00"
	add := func(tag elf.DynTag, s string) {
		if s != "" {
			tags = append(tags, [2]int{int(tag), len(strtab)})
			strtab += s + "\x00"
		}
	}
	for _, name := range spec.Needed {
		add(elf.DT_NEEDED, name)
	}
	add(elf.DT_SONAME, spec.Soname)
	add(elf.DT_RPATH, spec.Rpath)
	add(elf.DT_RUNPATH, spec.Runpath)
	for _, name := range spec.Symbols {
		strtab += name + "\x00"
	}
	if spec.Flags1 != 0 {
		tags = append(tags, [2]int{int(elf.DT_FLAGS_1), int(spec.Flags1)})
	}
	return strtab, tags
}

func header(w *writer, spec Spec, headerSize, progSize, progs int) {
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
	w.word(0)          // section headers
	w.full(0)          // flags
	w.half(uint16(headerSize))
	w.half(uint16(progSize))
	w.half(uint16(progs))
	w.half(0)
	w.half(0)
	w.half(0)
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
