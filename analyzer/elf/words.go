package elf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Bounds of the search for words.
const (
	minWord  = 3       // bytes of the shortest word
	maxWord  = 256     // bytes of the longest
	maxWords = 4096    // found in one file
	maxSlice = 8 << 20 // strings looked up by address and length
)

// Words lists the words of the read-only data of the ELF file at a physical path for which want returns true, sorted. A word is a
// string that ends with NUL or, in Go and Rust programs, a string that code loads with its length. If a line begins with an absolute
// path, that path is a word too.
func (r *Resolver) Words(name string, want func(string) bool) (words []string, err error) {
	err = withBytes(r.root, name, func(at io.ReaderAt, size int64) error {
		words, err = ReadWords(at, size, want)
		return err
	})
	return words, err
}

// ReadWords is Words of the ELF file of size bytes in r.
func ReadWords(r io.ReaderAt, size int64, want func(string) bool) ([]string, error) {
	m, _, err := open(r, size)
	if err != nil {
		return nil, err
	}
	s := &wordScan{image: m, want: want, found: map[string]bool{}}
	if err := s.terminated(); err != nil {
		return nil, err
	}
	if own := m.machine(); own != nil && s.counted {
		c := &codeScan{image: m, own: own, budget: maxCode}
		c.eachChunk(func(code []byte, addr uint64) { own.slices(code, addr, s.slice) })
		c.each(0, func(data []byte, addr uint64) { headers(data, addr, s.slice) })
	}
	return slices.Sorted(maps.Keys(s.found)), nil
}

// wordScan is the search through one file.
type wordScan struct {
	*image
	want    func(string) bool
	found   map[string]bool
	counted bool // the program's language stores the lengths of its strings
	slicesN int
}

// countedMarks occur in Go programs that start other programs (the names of functions in their tables) and in Rust programs (paths of
// the standard library in their messages).
var countedMarks = [][]byte{[]byte("os/exec."), []byte("syscall.forkExec"), []byte("/rustc/")}

// terminated looks through the read-only data for strings that end with NUL.
func (s *wordScan) terminated() error {
	buf := make([]byte, 0, scanChunk+maxWord)
	budget := int64(maxScan)
	for _, part := range s.scanned(extent{}) {
		buf = buf[:0]
		for off := part.off; off < part.off+part.size && budget > 0; {
			n := int(min(part.off+part.size-off, scanChunk))
			keep := len(buf)
			buf = buf[:keep+n]
			if _, err := s.r.ReadAt(buf[keep:], int64(off)); err != nil && err != io.EOF {
				return fmt.Errorf("reading ELF data: %w", err)
			}
			off += uint64(n)
			budget -= int64(n)
			s.counted = s.counted || slices.ContainsFunc(countedMarks, func(mark []byte) bool { return bytes.Contains(buf, mark) })
			s.split(buf)
			tail := buf[max(0, len(buf)-maxWord):]
			if end := bytes.LastIndexByte(tail, 0); end >= 0 {
				tail = tail[end:] // what comes before was looked at
			}
			buf = buf[:copy(buf[:cap(buf)], tail)]
		}
	}
	return nil
}

// split looks at the strings that end inside a piece.
func (s *wordScan) split(piece []byte) {
	for {
		end := bytes.IndexByte(piece, 0)
		if end < 0 {
			return
		}
		text := piece[max(0, end-maxWord-1):end]
		piece = piece[end+1:]
		if at := bytes.LastIndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }); at >= 0 {
			text = text[at+1:]
		}
		s.word(text)
	}
}

// slice looks at a string by its address and length.
func (s *wordScan) slice(addr, size uint64) {
	if size < minWord || size > maxWord || s.slicesN >= maxSlice {
		return
	}
	s.slicesN++
	if off, ok := s.fileOffset(addr); ok {
		if text, err := s.bytesAt(off, size, "data"); err == nil {
			s.word(text)
		}
	}
}

func (s *wordScan) word(text []byte) {
	if len(text) < minWord || len(text) > maxWord || len(s.found) >= maxWords {
		return
	}
	if s.want(string(text)) {
		s.found[string(text)] = true
	}
	if first, _, more := bytes.Cut(text, []byte(" ")); more && len(first) > 0 && first[0] == '/' && s.want(string(first)) {
		s.found[string(first)] = true
	}
}

// headers finds strings of Go and Rust in data of 64-bit little-endian machines: an address and a length.
func headers(data []byte, addr uint64, visit func(addr, size uint64)) {
	for i := int(-addr & 7); i+16 <= len(data); i += 8 {
		if size := binary.LittleEndian.Uint64(data[i+8:]); size >= minWord && size <= maxWord {
			visit(binary.LittleEndian.Uint64(data[i:]), size)
		}
	}
}

// slices finds "lea address(%rip), register" with "mov $length, register" near behind it.
func (x86) slices(code []byte, addr uint64, visit func(addr, size uint64)) {
	for i := 0; i+7 <= len(code); i++ {
		if code[i]&0xfb != 0x48 || code[i+1] != 0x8d || code[i+2]&0xc7 != 5 {
			continue
		}
		to := addr + uint64(i) + 7 + offset32(code[i+3:])
		for pos, n := i+7, 0; n < 6; n++ {
			in, ok := decodeX86(code[pos:])
			if !ok {
				break
			}
			load := in.opcode >= 0xb8 && in.opcode <= 0xbf || in.opcode == 0xc7 // into a register, or stored
			if in.table == 0 && load && in.imm >= minWord && in.imm <= maxWord {
				visit(to, uint64(in.imm))
			}
			if in.table == 0 && (in.opcode == 0xe8 || in.opcode == 0xc3) {
				break
			}
			pos += in.size
		}
	}
}

// slices finds "adrp; add" with a constant loaded near behind them.
func (arm64) slices(code []byte, addr uint64, visit func(addr, size uint64)) {
	arm64Words(code, addr, func(i int, word uint32) {
		if word&0x9f000000 != 0x90000000 || i+8 > len(code) {
			return
		}
		next, rd := arm64Word(code[i+4:]), word&31
		if next&0xffc00000 != 0x91000000 || next>>5&31 != rd {
			return
		}
		to := arm64Page(addr+uint64(i), word) + uint64(next>>10&0xfff)
		for at := i + 8; at < i+32 && at+4 <= len(code); at += 4 {
			size, ok := arm64Constant(arm64Word(code[at:]))
			if ok && size >= minWord && size <= maxWord {
				visit(to, size)
			}
		}
	})
}

// arm64Constant is what an instruction loads: movz, or an orr of a mask of neighbouring bits.
func arm64Constant(word uint32) (uint64, bool) {
	if word&0x7fe00000 == 0x52800000 {
		return uint64(word >> 5 & 0xffff), true
	}
	if word&0x7f8003e0 != 0x320003e0 {
		return 0, false
	}
	ones, turn := word>>10&63+1, word>>16&63
	if ones >= 32 || turn > 0 && 64-turn+ones > 32 {
		return 0, false
	}
	bits := uint64(1)<<ones - 1
	if turn > 0 {
		width := uint32(64)
		if word>>31 == 0 {
			width = 32
		}
		bits <<= (width - turn) % 64
	}
	return bits, true
}
