package elf

import (
	"bytes"
	"debug/elf"
	"slices"
)

// Bounds of the dynamic symbol table.
const (
	maxSymbols    = 1 << 20  // entries looked at
	maxImports    = 1 << 16  // names kept of one file
	maxSymbolName = 256      // bytes of a name kept; longer ones are C++ and Rust symbols, which no rule uses
	nameWindow    = 4 << 10  // bytes of the string table read at a time: linkers write the names of imports side by side
	maxNameBytes  = 64 << 20 // bytes of the string table read in all
)

// symbol is an entry of the dynamic symbol table.
type symbol struct {
	name    uint32 // offset in the string table
	section elf.SectionIndex
	value   uint64
}

// readImports lists the undefined symbols of the dynamic symbol table. If the table cannot be read, the list is empty: before the loader
// reads symbols, it has read everything else it needs of a file, and a damaged file does not run.
func (m *image) readImports(tags dynTags, strtab extent) {
	found := map[string]bool{}
	names := nameReader{m: m, table: strtab}
	m.eachSymbol(tags, func(index int, s symbol) bool {
		if s.section == elf.SHN_UNDEF && s.name != 0 {
			if name := names.at(uint64(s.name)); name != "" {
				found[name] = true
				if name == callFunction {
					m.callSymbol = index
				}
			}
		}
		return len(found) < maxImports
	})
	for name := range found {
		m.file.Imports = append(m.file.Imports, name)
	}
	slices.Sort(m.file.Imports)
}

// eachSymbol calls visit for the symbols in order until it returns false.
func (m *image) eachSymbol(tags dynTags, visit func(int, symbol) bool) {
	off, ok := m.fileOffset(tags.symtab)
	if !ok || tags.symtab == 0 {
		return
	}
	entry := uint64(16)
	if m.wide {
		entry = 24
	}
	count := min(m.symbolCount(tags, entry), maxSymbols)
	const part = 4096
	for at := uint64(0); at < count; at += part {
		raw, err := m.bytesAt(off+at*entry, min(part, count-at)*entry, "symbol table")
		if err != nil {
			return
		}
		for i := 0; len(raw) > 0; i, raw = i+1, raw[entry:] {
			s := symbol{name: m.order.Uint32(raw)}
			if m.wide {
				s.section, s.value = elf.SectionIndex(m.order.Uint16(raw[6:])), m.order.Uint64(raw[8:])
			} else {
				s.section, s.value = elf.SectionIndex(m.order.Uint16(raw[14:])), uint64(m.order.Uint32(raw[4:]))
			}
			if !visit(int(at)+i, s) {
				return
			}
		}
	}
}

// symbolCount returns the number of dynamic symbols. The dynamic section does not store it; it comes from the hash tables, else from
// the section headers, else from the distance to the string table, which linkers put after the symbols.
func (m *image) symbolCount(tags dynTags, entry uint64) uint64 {
	if count := m.gnuHashCount(tags.gnuHash); count > 0 {
		return count
	}
	if off, ok := m.fileOffset(tags.hash); ok && tags.hash != 0 {
		if raw, err := m.bytesAt(off, 8, "hash table"); err == nil {
			return uint64(m.order.Uint32(raw[4:])) // nchain (System V ABI, Hash Table)
		}
	}
	for _, s := range m.sections() {
		if s.typ == elf.SHT_DYNSYM {
			return s.size / entry
		}
	}
	if tags.strtab > tags.symtab {
		return (tags.strtab - tags.symtab) / entry
	}
	return 0
}

// gnuHashCount returns the number of symbols according to DT_GNU_HASH (glibc elf/dl-lookup.c, do_lookup_x): the chain of the highest
// bucket ends with the last symbol. It returns 0 if the table does not give the number. If no symbol is hashed, LLD writes the index behind
// the last import as that of the first hashed symbol.
func (m *image) gnuHashCount(addr uint64) uint64 {
	off, ok := m.fileOffset(addr)
	if !ok || addr == 0 {
		return 0
	}
	head, err := m.bytesAt(off, 16, "hash table")
	if err != nil {
		return 0
	}
	buckets, first, bloom := uint64(m.order.Uint32(head)), uint64(m.order.Uint32(head[4:])), uint64(m.order.Uint32(head[8:]))
	word := uint64(4)
	if m.wide {
		word = 8
	}
	if buckets > maxSymbols || bloom > maxSymbols {
		return 0
	}
	at := off + 16 + bloom*word
	raw, err := m.bytesAt(at, buckets*4, "hash table")
	if err != nil {
		return 0
	}
	last := uint64(0)
	for ; len(raw) >= 4; raw = raw[4:] {
		last = max(last, uint64(m.order.Uint32(raw)))
	}
	if last < first && first == 1 { // GNU ld's table of a file that exports nothing (binutils bfd/elflink.c): it does not give the number
		return 0
	}
	if last < first {
		return first
	}
	return m.chainEnd(at+buckets*4, last, first)
}

// chainEnd follows a chain of DT_GNU_HASH from a symbol to its last, whose hash is odd, and returns the number behind it.
func (m *image) chainEnd(chains, symbol, first uint64) uint64 {
	const part = 256
	for symbol < maxSymbols {
		at := chains + (symbol-first)*4
		if at >= uint64(m.size) {
			return 0
		}
		raw, err := m.bytesAt(at, min(part*4, uint64(m.size)-at), "hash table")
		if err != nil || len(raw) < 4 {
			return 0
		}
		for ; len(raw) >= 4; raw = raw[4:] {
			symbol++
			if m.order.Uint32(raw)&1 != 0 {
				return symbol
			}
		}
	}
	return maxSymbols
}

// nameReader reads names of the string table, a window at a time.
type nameReader struct {
	m      *image
	table  extent
	window []byte
	from   uint64
	read   int
}

// at is the name at an offset of the string table; "" for one that is longer than maxSymbolName or outside the table, and for all beyond
// maxNameBytes.
func (n *nameReader) at(off uint64) string {
	if off >= n.table.size || n.read > maxNameBytes {
		return ""
	}
	if off < n.from || off+maxSymbolName > n.from+uint64(len(n.window)) {
		window, err := n.m.bytesAt(n.table.off+off, min(nameWindow, n.table.size-off), "string table")
		if err != nil {
			return ""
		}
		n.window, n.from, n.read = window, off, n.read+len(window)
	}
	rest := n.window[off-n.from:]
	end := bytes.IndexByte(rest[:min(len(rest), maxSymbolName)], 0)
	if end < 0 {
		return ""
	}
	return string(rest[:end])
}
