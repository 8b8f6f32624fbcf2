package elftest

import (
	"bytes"
	"debug/elf"
)

// sectionSize is the size of a section header, by whether the file is of 64 bits.
var sectionSize = map[bool]int{false: 40, true: 64}

// symbolTable is the dynamic symbols with what belongs to them.
type symbolTable struct {
	bytes     []byte
	tags      [][2]int
	at, size  int // of the symbols
	entrySize int
}

// symbols makes symbols, string table, hash table and relocation, to be put at an address, and the dynamic section.
func (w *writer) symbols(spec Spec, at int) symbolTable {
	out := &writer{order: w.order, wide: w.wide}
	strtab, tags := names(spec)
	t := symbolTable{at: at, entrySize: 16}
	if w.wide {
		t.entrySize = 24
	}
	offset := 1
	count := 1 + len(spec.Symbols) + len(spec.Exports)
	out.symbol(0, 0)
	for i, name := range append(append([]string{}, spec.Symbols...), spec.Exports...) {
		section := uint16(0)
		if i >= len(spec.Symbols) {
			section = 1
		}
		offset = bytes.Index(strtab, append([]byte{0}, name+"\x00"...)) + 1
		out.symbol(uint32(offset), section)
	}
	t.size = out.Len()
	strtabAt := at + out.Len()
	out.Write(strtab)
	out.pad((out.Len() + 7) &^ 7)
	hashAt := at + out.Len()
	switch spec.Count {
	case ByGNUHash:
		tags = append(tags, [2]int{int(elf.DT_GNU_HASH), hashAt})
		out.gnuHash(1+len(spec.Symbols), count)
	case ByEmptyHash:
		tags = append(tags, [2]int{int(elf.DT_GNU_HASH), hashAt})
		out.gnuHash(1, 1)
	case ByHash:
		tags = append(tags, [2]int{int(elf.DT_HASH), hashAt})
		out.full(1)
		out.full(uint32(count))
		out.Write(make([]byte, 4*(1+count)))
	}
	out.pad((out.Len() + 7) &^ 7)
	if spec.Slot != 0 {
		tags = append(tags, [2]int{int(elf.DT_JMPREL), at + out.Len()}, [2]int{int(elf.DT_PLTRELSZ), 24})
		kind := int(elf.R_X86_64_JMP_SLOT)
		if spec.Machine == elf.EM_AARCH64 {
			kind = int(elf.R_AARCH64_JUMP_SLOT)
		}
		out.word(int(spec.Slot))
		out.word(1<<32 | kind)
		out.word(0)
	}
	t.bytes = out.Bytes()
	t.tags = append(tags, [2]int{int(elf.DT_SYMTAB), at}, [2]int{int(elf.DT_STRTAB), strtabAt}, [2]int{int(elf.DT_STRSZ), len(strtab)},
		[2]int{})
	return t
}

// names makes the string table, and the entries of the dynamic section that point into it.
func names(spec Spec) (strtab []byte, tags [][2]int) {
	strtab = []byte{0}
	add := func(tag elf.DynTag, s string) {
		if s != "" {
			tags = append(tags, [2]int{int(tag), len(strtab)})
			strtab = append(append(strtab, s...), 0)
		}
	}
	for _, name := range spec.Needed {
		add(elf.DT_NEEDED, name)
	}
	add(elf.DT_SONAME, spec.Soname)
	add(elf.DT_RPATH, spec.Rpath)
	add(elf.DT_RUNPATH, spec.Runpath)
	for _, name := range append(append([]string{}, spec.Symbols...), spec.Exports...) {
		strtab = append(append(strtab, name...), 0)
	}
	if spec.Flags1 != 0 {
		tags = append(tags, [2]int{int(elf.DT_FLAGS_1), int(spec.Flags1)})
	}
	return strtab, tags
}

func (w *writer) symbol(name uint32, section uint16) {
	w.full(name)
	if w.wide {
		w.half(0)
		w.half(section)
		w.word(0)
		w.word(0)
		return
	}
	w.Write(make([]byte, 10))
	w.half(section)
}

// gnuHash writes a table with one bucket that holds the symbols from first on.
func (w *writer) gnuHash(first, count int) {
	w.full(1)
	w.full(uint32(first))
	w.full(1)
	w.full(0)
	w.word(0)
	if first == count {
		w.full(0)
		return
	}
	w.full(uint32(first))
	for i := first; i < count; i++ {
		last := uint32(0)
		if i+1 == count {
			last = 1
		}
		w.full(last)
	}
}

// sections is where the section headers are to be, 0 for none.
func (t symbolTable) sections(spec Spec, end int) int {
	if spec.Count != BySections {
		return 0
	}
	return end
}

// header appends two section headers: an empty one, and that of the symbols.
func (t symbolTable) header(w *writer) {
	w.Write(make([]byte, sectionSize[w.wide]))
	w.full(0)
	w.full(uint32(elf.SHT_DYNSYM))
	w.word(0)
	w.word(t.at)
	w.word(t.at)
	w.word(t.size)
	w.full(0)
	w.full(0)
	w.word(8)
	w.word(t.entrySize)
}
