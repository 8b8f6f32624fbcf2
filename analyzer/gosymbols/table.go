package gosymbols

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of a table of names, in bytes: several times the largest known.
const (
	maxNames = 256 << 20
	maxName  = 1 << 20
)

// pcHeaders are the forms of the table's header that have the names in a place of their own (runtime/symtab.go, pcHeader): the magic
// number, and which word of the header is the offset of the names; the next is that of what follows them.
var pcHeaders = map[uint32]int{0xfffffffa: 2 /* Go 1.16 */, 0xfffffff0: 3 /* 1.18 */, 0xfffffff1: 3 /* 1.20 */}

var errNoTable = errors.New("it has no table of functions, or one of a form that is not known")

// namesOf finds the names of the functions of a program: they end in zero bytes.
func namesOf(file *elf.File, program *io.SectionReader) (*io.SectionReader, error) {
	var section *elf.Section
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		if section = file.Section(name); section != nil {
			break
		}
	}
	if section == nil || section.Type != elf.SHT_PROGBITS || section.Flags&elf.SHF_COMPRESSED != 0 {
		return nil, errNoTable
	}
	if section.Offset > uint64(program.Size()) || section.Size > uint64(program.Size())-section.Offset {
		return nil, io.ErrUnexpectedEOF
	}
	return namesIn(io.NewSectionReader(program, int64(section.Offset), int64(section.Size)), file.ByteOrder)
}

// namesIn finds the names in the table.
func namesIn(table *io.SectionReader, order binary.ByteOrder) (*io.SectionReader, error) {
	var header [8 + 8*8]byte
	if n, err := table.ReadAt(header[:], 0); n < len(header) {
		return nil, fmt.Errorf("%w: %w", errNoTable, err)
	}
	word, known := pcHeaders[order.Uint32(header[:])]
	width := int(header[7])
	if !known || header[4] != 0 || header[5] != 0 || width != 4 && width != 8 {
		return nil, errNoTable
	}
	offset := func(word int) uint64 {
		at := header[8+word*width:]
		if width == 4 {
			return uint64(order.Uint32(at))
		}
		return order.Uint64(at)
	}
	start, end := offset(word), offset(word+1)
	if start >= end || end > uint64(table.Size()) || end-start > maxNames {
		return nil, errNoTable
	}
	return io.NewSectionReader(table, int64(start), int64(end-start)), nil
}

// each calls do with each name. Zero bytes at the end fill the table up.
func each(names *io.SectionReader, do func(name []byte)) error {
	lines := bufio.NewScanner(names)
	lines.Buffer(make([]byte, 64<<10), maxName)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		return 0, nil, nil
	})
	empty := 0 // a scanner stops at a hundred empty tokens without an advance; these advance
	for lines.Scan() {
		if len(lines.Bytes()) > 0 {
			do(lines.Bytes())
		} else if empty++; empty > maxName {
			return errNoTable
		}
	}
	return lines.Err()
}
