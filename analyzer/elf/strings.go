package elf

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of the scan for library names.
const (
	maxStrings = 4096      // names kept of one file
	maxScan    = 128 << 20 // bytes of read-only data looked at
	scanChunk  = 256 << 10 // bytes read at a time
	maxLibName = 512       // bytes of one name
)

// readStrings scans the read-only data and the dynamic string table (both as the section headers name them; without section
// headers, every loaded segment that is not code) for names of libraries.
func (m *image) readStrings(dynstr extent) error {
	found := map[string]bool{}
	budget := int64(maxScan)
	for _, part := range m.scanned(dynstr) {
		dlopens, err := m.scan(part, &budget, found)
		if err != nil {
			return err
		}
		if part == dynstr {
			m.file.Dlopens = dlopens
		}
	}
	for _, name := range m.file.Needed {
		delete(found, name)
	}
	delete(found, m.file.Soname)
	delete(found, m.file.Interp)
	for name := range found {
		m.file.Strings = append(m.file.Strings, name)
	}
	slices.Sort(m.file.Strings)
	return nil
}

// scanned lists the pieces of the file to scan, clipped to the file.
func (m *image) scanned(dynstr extent) []extent {
	parts := m.rodata()
	if len(parts) == 0 {
		for _, p := range m.progs {
			if p.typ == elf.PT_LOAD && p.flags&elf.PF_X == 0 {
				parts = append(parts, extent{p.off, p.filesz})
			}
		}
	}
	parts = append(parts, dynstr)
	clipped := parts[:0]
	for _, part := range parts {
		if part.off < uint64(m.size) && part.size > 0 {
			clipped = append(clipped, extent{part.off, min(part.size, uint64(m.size)-part.off)})
		}
	}
	return clipped
}

// rodata finds the sections named .rodata or .rodata.*.
func (m *image) rodata() []extent {
	var parts []extent
	for _, s := range m.sections() {
		if strings.HasPrefix(s.name, ".rodata") {
			parts = append(parts, s.extent)
		}
	}
	return parts
}

// scan searches one piece, chunk by chunk, keeping the tail of each chunk before the next one. It reports whether the piece names
// dlopen.
func (m *image) scan(part extent, budget *int64, found map[string]bool) (dlopens bool, err error) {
	buf := make([]byte, 0, scanChunk+maxLibName)
	for off := part.off; off < part.off+part.size && *budget > 0; {
		n := int(min(part.off+part.size-off, scanChunk))
		keep := len(buf)
		buf = buf[:keep+n]
		if _, err := m.r.ReadAt(buf[keep:], int64(off)); err != nil && err != io.EOF {
			return false, fmt.Errorf("reading ELF data: %w", err)
		}
		off += uint64(n)
		*budget -= int64(n)
		dlopens = dlopens || bytes.Contains(buf, []byte("dlopen\x00")) || bytes.Contains(buf, []byte("dlmopen\x00"))
		findNames(buf, found)
		tail := buf[max(0, len(buf)-maxLibName):]
		buf = buf[:copy(buf[:cap(buf)], tail)]
	}
	return dlopens, nil
}

// findNames adds the names of libraries that end inside buf.
func findNames(buf []byte, found map[string]bool) {
	for at := 0; ; {
		i := bytes.Index(buf[at:], []byte(".so"))
		if i < 0 {
			return
		}
		start, end := at+i, at+i+3
		for start > 0 && isNameByte(buf[start-1]) && end-start < maxLibName {
			start--
		}
		for end < len(buf) && isNameByte(buf[end]) && end-start < maxLibName {
			end++
		}
		// A name ends with NUL in C; Rust and Go literals have other bytes after them, and are cut where the name ends.
		if name := string(buf[start:end]); end < len(buf) && IsLibraryName(name) && len(found) < maxStrings {
			found[name] = true
		}
		at = end
	}
}

// isNameByte reports whether c may be part of a library's name or path as programs write them.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("./_-+$@{}", c) >= 0
}

// IsLibraryName reports whether a word looks like a shared library's file name or path: its last component ends in ".so" or in ".so."
// and a version of digits and dots, and has something before that.
func IsLibraryName(word string) bool {
	base := word[strings.LastIndexByte(word, '/')+1:]
	i := strings.LastIndex(base, ".so")
	if i <= 0 {
		return false
	}
	version := base[i+3:]
	if version == "" {
		return true
	}
	if version[0] != '.' || len(version) == 1 || version[len(version)-1] == '.' {
		return false
	}
	for _, c := range version {
		if c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
