package elf

import (
	"bytes"
	"debug/elf"
	"sort"
)

// slots are the addresses where the loader puts the address of syscall(), by the relocations of its symbol.
func (c *codeScan) slots() map[uint64]bool {
	slots := map[uint64]bool{}
	if c.callSymbol == 0 {
		return slots
	}
	const entry, part = 24, 4096
	for _, table := range []extent{c.tags.jmprel, c.tags.rela} {
		off, ok := c.fileOffset(table.off)
		if !ok || table.off == 0 || table.size > uint64(c.size)-off {
			continue
		}
		for at := uint64(0); at+entry <= table.size; at += entry * part {
			raw, err := c.bytesAt(off+at, min(entry*part, table.size-at), "relocations")
			if err != nil {
				break
			}
			for ; len(raw) >= entry; raw = raw[entry:] {
				c.relocation(c.order.Uint64(raw), c.order.Uint64(raw[8:]), slots)
			}
		}
	}
	return slots
}

// relocation looks at one relocation with its addend.
func (c *codeScan) relocation(at, info uint64, slots map[uint64]bool) {
	if int(info>>32) != c.callSymbol {
		return
	}
	switch kind := uint32(info); {
	case c.file.Machine == elf.EM_X86_64 && (kind == uint32(elf.R_X86_64_JMP_SLOT) || kind == uint32(elf.R_X86_64_GLOB_DAT)),
		c.file.Machine == elf.EM_AARCH64 && (kind == uint32(elf.R_AARCH64_JUMP_SLOT) || kind == uint32(elf.R_AARCH64_GLOB_DAT)):
		slots[at] = true
	default:
		c.open = true // a table holds its address
	}
}

// unwindTable is the sorted table of functions in .eh_frame_hdr (Linux Standard Base Core 5.0, 10.6.2): pairs of a function's begin
// and its description, both relative to the header.
type unwindTable struct {
	entries extent
	base    uint64 // address of the header
}

const (
	ptGNUEHFrame = elf.ProgType(0x6474e550)
	// The encodings that linkers write: a relative pointer of four bytes, a count of four, a table relative to the header.
	unwindHeader = "\x01\x1b\x03\x3b"
	unwindEntry  = 8
)

func (m *image) unwindTable() (unwindTable, bool) {
	for _, p := range m.progs {
		if p.typ != ptGNUEHFrame || p.filesz < 12 {
			continue
		}
		head, err := m.bytesAt(p.off, 12, "unwind header")
		if err != nil || string(head[:4]) != unwindHeader {
			return unwindTable{}, false
		}
		size := min(uint64(m.order.Uint32(head[8:]))*unwindEntry, p.filesz-12)
		return unwindTable{extent{p.off + 12, size}, p.vaddr}, size > 0
	}
	return unwindTable{}, false
}

// find is the begin of the function that holds an address.
func (t unwindTable) find(m *image, addr uint64) (uint64, bool) {
	word := func(i int, field uint64) uint64 {
		raw, err := m.bytesAt(t.entries.off+uint64(i)*unwindEntry+field, 4, "unwind table")
		if err != nil {
			return ^uint64(0)
		}
		return t.base + uint64(int64(int32(m.order.Uint32(raw))))
	}
	i := sort.Search(int(t.entries.size/unwindEntry), func(i int) bool { return word(i, 0) > addr }) - 1
	if i < 0 {
		return 0, false
	}
	start := word(i, 0)
	off, ok := m.fileOffset(word(i, 4))
	if !ok || start > addr {
		return 0, false
	}
	// length, the common entry, begin and size of the function (the encodings that linkers write)
	raw, err := m.bytesAt(off, 16, "unwind table")
	return start, err == nil && addr-start < uint64(m.order.Uint32(raw[12:]))
}

// goBuildMagic starts the block in which the Go linker stores the build information of a program, at the start of a segment's data
// (debug/buildinfo).
const goBuildMagic = "\xff Go buildinf:"

// isGo reports whether a program was linked by Go.
func (m *image) isGo() bool {
	for _, p := range m.progs {
		if p.typ != elf.PT_LOAD || p.flags&elf.PF_X != 0 || p.off > uint64(m.size) {
			continue
		}
		head, err := m.bytesAt(p.off, min(p.filesz, uint64(m.size)-p.off, 64<<10), "data")
		if err == nil && bytes.Contains(head, []byte(goBuildMagic)) {
			return true
		}
	}
	for _, s := range m.sections() {
		if s.name == ".go.buildinfo" {
			return true
		}
	}
	return false
}
