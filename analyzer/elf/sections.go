package elf

import (
	"bytes"
	"debug/elf"
)

// maxSectionName bounds the stored part of a section's name, in bytes.
const maxSectionName = 64

// section is a section header.
type section struct {
	name string // cut at maxSectionName
	typ  elf.SectionType
	extent
}

// sections reads the section headers. It ignores damaged ones without an error: the loader does not read them.
func (m *image) sections() []section {
	want := 40
	if m.wide {
		want = 64
	}
	if m.shent != want || m.shnum == 0 || m.shnum > maxSections || m.shstr >= m.shnum {
		return nil
	}
	raw, err := m.bytesAt(uint64(m.shoff), uint64(m.shnum*m.shent), "section headers")
	if err != nil {
		return nil
	}
	_, names := m.section(raw[m.shstr*want:])
	if names.size > 1<<20 {
		return nil
	}
	table, err := m.bytesAt(names.off, names.size, "section names")
	if err != nil {
		return nil
	}
	list := make([]section, 0, m.shnum)
	for ; len(raw) >= want; raw = raw[want:] {
		at, s := m.section(raw)
		if uint64(at) < uint64(len(table)) {
			name, _, _ := bytes.Cut(table[at:min(len(table), int(at)+maxSectionName)], []byte{0})
			s.name = string(name)
		}
		list = append(list, s)
	}
	return list
}

// section reads one header, and the offset of its name in the table of names.
func (m *image) section(h []byte) (name uint32, s section) {
	s.typ = elf.SectionType(m.order.Uint32(h[4:]))
	if m.wide {
		s.extent = extent{m.word(h, 24), m.word(h, 32)}
	} else {
		s.extent = extent{m.word(h, 16), m.word(h, 20)}
	}
	return m.order.Uint32(h), s
}
