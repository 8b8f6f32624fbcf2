package elf

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// extent is a piece of the file.
type extent struct{ off, size uint64 }

// readDynamic reads PT_DYNAMIC into the file and returns where the dynamic string table is.
func (m *image) readDynamic() (extent, error) {
	tags, table, err := m.dynamicSection()
	if err != nil || table.size == 0 {
		return extent{}, err
	}
	m.file.NoDefaultLib = elf.DynFlag1(tags.flags1)&elf.DF_1_NODEFLIB != 0
	m.file.PIE = elf.DynFlag1(tags.flags1)&elf.DF_1_PIE != 0
	m.tags = tags
	if err := m.readNames(table, tags); err != nil {
		return extent{}, err
	}
	m.readImports(tags, table)
	return table, nil
}

// dynamicSection reads PT_DYNAMIC, and where its string table is; without one the table has no bytes.
func (m *image) dynamicSection() (dynTags, extent, error) {
	var raw []byte
	for _, p := range m.progs {
		if p.typ != elf.PT_DYNAMIC {
			continue
		}
		if p.filesz > maxDynamic {
			return dynTags{}, extent{}, fmt.Errorf("reading ELF dynamic section: %d bytes long", p.filesz)
		}
		var err error
		if raw, err = m.bytesAt(p.off, p.filesz, "dynamic section"); err != nil {
			return dynTags{}, extent{}, err
		}
		break
	}
	tags, err := m.parseTags(raw)
	if err != nil || tags.strsize == 0 {
		return tags, extent{}, err
	}
	off, ok := m.fileOffset(tags.strtab)
	if !ok || off > uint64(m.size) || tags.strsize > uint64(m.size)-off {
		return dynTags{}, extent{}, fmt.Errorf("reading ELF string table: outside the file")
	}
	return tags, extent{off, tags.strsize}, nil
}

// dynTags are the dynamic section's entries that matter here; names are offsets in the string table, noName when absent.
type dynTags struct {
	strtab, strsize, flags1 uint64
	soname, rpath, runpath  uint64
	symtab, hash, gnuHash   uint64 // addresses, 0 when absent
	jmprel, rela            extent // relocations with addends: address and size
	needed                  []uint64
	now                     bool // all functions are bound at start
}

const noName = ^uint64(0)

func (m *image) parseTags(raw []byte) (dynTags, error) {
	tags := dynTags{soname: noName, rpath: noName, runpath: noName}
	word := 4
	if m.wide {
		word = 8
	}
	for ; len(raw) >= 2*word; raw = raw[2*word:] {
		value := m.word(raw, word)
		switch elf.DynTag(m.word(raw, 0)) {
		case elf.DT_NULL:
			return tags, nil
		case elf.DT_STRTAB:
			tags.strtab = value
		case elf.DT_STRSZ:
			tags.strsize = value
		case elf.DT_FLAGS_1:
			tags.flags1 = value
			tags.now = tags.now || elf.DynFlag1(value)&elf.DF_1_NOW != 0
		case elf.DT_FLAGS:
			tags.now = tags.now || elf.DynFlag(value)&elf.DF_BIND_NOW != 0
		case elf.DT_BIND_NOW:
			tags.now = true
		case elf.DT_SONAME:
			tags.soname = value
		case elf.DT_RPATH:
			tags.rpath = value
		case elf.DT_RUNPATH:
			tags.runpath = value
		case elf.DT_SYMTAB:
			tags.symtab = value
		case elf.DT_HASH:
			tags.hash = value
		case elf.DT_GNU_HASH:
			tags.gnuHash = value
		case elf.DT_JMPREL:
			tags.jmprel.off = value
		case elf.DT_PLTRELSZ:
			tags.jmprel.size = value
		case elf.DT_RELA:
			tags.rela.off = value
		case elf.DT_RELASZ:
			tags.rela.size = value
		case elf.DT_NEEDED:
			if len(tags.needed) >= maxNeeded {
				return tags, fmt.Errorf("reading ELF dynamic section: more than %d needed libraries", maxNeeded)
			}
			tags.needed = append(tags.needed, value)
		}
	}
	return tags, nil
}

// fileOffset maps an address to where its bytes are in the file.
func (m *image) fileOffset(addr uint64) (uint64, bool) {
	for _, p := range m.progs {
		if p.typ == elf.PT_LOAD && addr >= p.vaddr && addr-p.vaddr < p.filesz {
			return p.off + (addr - p.vaddr), true
		}
	}
	return 0, false
}

func (m *image) readNames(table extent, tags dynTags) error {
	var err error
	one := func(at uint64, limit uint64) string {
		if err != nil || at == noName {
			return ""
		}
		var s string
		s, err = m.stringAt(table, at, limit)
		return s
	}
	m.file.Soname = one(tags.soname, maxName)
	m.file.Rpath = splitPath(one(tags.rpath, maxSearchPath))
	m.file.Runpath = splitPath(one(tags.runpath, maxSearchPath))
	for _, at := range tags.needed {
		m.file.Needed = append(m.file.Needed, one(at, maxName))
	}
	return err
}

// stringAt reads the string that begins at an offset of the string table.
func (m *image) stringAt(table extent, at, limit uint64) (string, error) {
	if at >= table.size {
		return "", fmt.Errorf("reading ELF string table: offset %d of %d", at, table.size)
	}
	for n := min(uint64(128), limit); ; n = min(8*n, limit) {
		part, err := m.bytesAt(table.off+at, min(n, table.size-at), "string table")
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(part, 0); end >= 0 {
			return string(part[:end]), nil
		}
		if n == limit || uint64(len(part)) < n {
			return "", fmt.Errorf("reading ELF string table: a name without end at offset %d", at)
		}
	}
}
