package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of the parts that are read. An ELF file beyond them is damaged or hostile.
const (
	maxProgramHeaders = 64 << 10 // bytes; the kernel's own bound (load_elf_phdrs, fs/binfmt_elf.c)
	maxSections       = 16 << 10 // bytes of section headers are bounded through this count
	maxDynamic        = 1 << 20  // bytes of the dynamic section
	maxNeeded         = 4096     // entries of DT_NEEDED
	maxName           = 4096     // bytes of a name or path: PATH_MAX
	maxSearchPath     = 64 << 10 // bytes of DT_RPATH or DT_RUNPATH
)

// ErrNotELF is returned for a file that does not begin as ELF files do.
var ErrNotELF = errors.New("not an ELF file")

// image is an ELF file being read: its bytes, and the headers that say where things are.
type image struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	wide  bool // ELFCLASS64
	file  *File
	progs []prog
	shoff int64
	shnum int
	shent int
	shstr int
	tags  dynTags
	// callSymbol is the index of callFunction among the dynamic symbols, 0 where it is not imported.
	callSymbol int
}

// prog is a program header.
type prog struct {
	typ                elf.ProgType
	flags              elf.ProgFlag
	off, vaddr, filesz uint64
}

// Read reads what the loader needs of the ELF file of size bytes in r. It allocates no more than a few megabytes whatever
// the headers say, and returns an error for a file whose headers point outside it.
func Read(r io.ReaderAt, size int64) (*File, error) {
	img, dynstr, err := open(r, size)
	if err != nil {
		return nil, err
	}
	if err := img.readStrings(dynstr); err != nil {
		return nil, err
	}
	img.file.Go = img.isGo()
	return img.file, nil
}

// open reads the headers and the dynamic section of a file, and where its dynamic string table is.
func open(r io.ReaderAt, size int64) (*image, extent, error) {
	img := &image{r: r, size: size, file: &File{}}
	if err := img.readHeader(); err != nil {
		return nil, extent{}, err
	}
	if err := img.readInterp(); err != nil {
		return nil, extent{}, err
	}
	dynstr, err := img.readDynamic()
	if err != nil {
		return nil, extent{}, err
	}
	file := img.file
	file.Static = file.Interp == "" && len(file.Needed) == 0 && (file.Type == elf.ET_EXEC || file.PIE)
	return img, dynstr, nil
}

// bytesAt reads n bytes at off; it never allocates memory for a range outside the file.
func (m *image) bytesAt(off uint64, n uint64, what string) ([]byte, error) {
	if off > uint64(m.size) || n > uint64(m.size)-off {
		return nil, fmt.Errorf("reading ELF %s: outside the file", what)
	}
	buf := make([]byte, n)
	if _, err := m.r.ReadAt(buf, int64(off)); err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading ELF %s: %w", what, err)
	}
	return buf, nil
}

// word reads the class's address-sized number at off of b.
func (m *image) word(b []byte, off int) uint64 {
	if m.wide {
		return m.order.Uint64(b[off:])
	}
	return uint64(m.order.Uint32(b[off:]))
}

func (m *image) readHeader() error {
	ident, err := m.bytesAt(0, elf.EI_NIDENT, "identification")
	if err != nil || !IsELF(ident) {
		return ErrNotELF
	}
	m.file.Class = elf.Class(ident[elf.EI_CLASS])
	switch m.file.Class {
	case elf.ELFCLASS32:
	case elf.ELFCLASS64:
		m.wide = true
	default:
		return fmt.Errorf("reading ELF header: class %d", ident[elf.EI_CLASS])
	}
	switch elf.Data(ident[elf.EI_DATA]) {
	case elf.ELFDATA2LSB:
		m.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		m.order, m.file.BigEndian = binary.BigEndian, true
	default:
		return fmt.Errorf("reading ELF header: byte order %d", ident[elf.EI_DATA])
	}
	headerSize, phoffAt, tailAt := uint64(52), 28, 40
	wordSize := 4
	if m.wide {
		headerSize, phoffAt, tailAt, wordSize = 64, 32, 52, 8
	}
	head, err := m.bytesAt(0, headerSize, "header")
	if err != nil {
		return err
	}
	m.file.Type = elf.Type(m.order.Uint16(head[16:]))
	m.file.Machine = elf.Machine(m.order.Uint16(head[18:]))
	phoff, shoff := m.word(head, phoffAt), m.word(head, phoffAt+wordSize)
	if shoff <= uint64(m.size) {
		m.shoff = int64(shoff)
		m.shent, m.shnum = int(m.order.Uint16(head[tailAt+6:])), int(m.order.Uint16(head[tailAt+8:]))
		m.shstr = int(m.order.Uint16(head[tailAt+10:]))
	}
	return m.readProgs(phoff, int(m.order.Uint16(head[tailAt+2:])), int(m.order.Uint16(head[tailAt+4:])))
}

func (m *image) readProgs(off uint64, entry, count int) error {
	if count == 0 {
		return nil
	}
	want := 32
	if m.wide {
		want = 56
	}
	if entry != want || count*entry > maxProgramHeaders {
		return fmt.Errorf("reading ELF program headers: %d of %d bytes", count, entry)
	}
	raw, err := m.bytesAt(off, uint64(count*entry), "program headers")
	if err != nil {
		return err
	}
	for ; len(raw) >= entry; raw = raw[entry:] {
		p := prog{typ: elf.ProgType(m.order.Uint32(raw))}
		if m.wide {
			p.flags = elf.ProgFlag(m.order.Uint32(raw[4:]))
			p.off, p.vaddr, p.filesz = m.word(raw, 8), m.word(raw, 16), m.word(raw, 32)
		} else {
			p.flags = elf.ProgFlag(m.order.Uint32(raw[24:]))
			p.off, p.vaddr, p.filesz = m.word(raw, 4), m.word(raw, 8), m.word(raw, 16)
		}
		m.progs = append(m.progs, p)
	}
	return nil
}

func (m *image) readInterp() error {
	for _, p := range m.progs {
		if p.typ != elf.PT_INTERP {
			continue
		}
		// The kernel refuses a longer one, or one without its NUL (load_elf_binary).
		if p.filesz < 2 || p.filesz > maxName {
			return fmt.Errorf("reading ELF interpreter: %d bytes long", p.filesz)
		}
		raw, err := m.bytesAt(p.off, p.filesz, "interpreter")
		if err != nil {
			return err
		}
		end := bytes.IndexByte(raw, 0)
		if end < 0 {
			return errors.New("reading ELF interpreter: no end")
		}
		m.file.Interp = string(raw[:end])
		return nil
	}
	return nil
}

// splitPath splits a search path at colons; an empty part is the current directory, which no rule about an image can use.
func splitPath(list string) []string {
	var dirs []string
	for _, dir := range strings.Split(list, ":") {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
