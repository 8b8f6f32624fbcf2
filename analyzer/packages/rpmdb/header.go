package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Tags of a header (rpm's include/rpm/rpmtag.h).
const (
	tagName        = 1000
	tagVersion     = 1001
	tagRelease     = 1002
	tagEpoch       = 1003
	tagVendor      = 1011
	tagLicense     = 1014
	tagPackager    = 1015
	tagURL         = 1020
	tagArch        = 1022
	tagFileModes   = 1030
	tagFileFlags   = 1037
	tagSourceRpm   = 1044
	tagProvideName = 1047
	tagRequireName = 1049
	tagDirIndexes  = 1116
	tagBaseNames   = 1117
	tagDirNames    = 1118
	tagVcs         = 5034
)

// configFlag is the bit of tagFileFlags for configuration (rpmfileAttrs).
const configFlag = 1 << 0

// maxPath is the longest path that is read, in bytes: PATH_MAX.
const maxPath = 4096

var errHeader = errors.New("damaged header")

// header is a header blob: an index of tags into a store. All numbers are big-endian (header.c: 4 bytes count of the
// index, 4 bytes size of the store, 16 bytes each entry: tag, type, offset, count).
type header struct {
	entries map[uint32][3]uint32 // type, offset, count
	store   []byte
}

func newHeader(blob []byte) (header, error) {
	if len(blob) < 8 {
		return header{}, errHeader
	}
	count, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if count > 1<<16 || uint64(8)+16*uint64(count)+uint64(size) > uint64(len(blob)) {
		return header{}, errHeader
	}
	h := header{entries: map[uint32][3]uint32{}, store: blob[8+16*count:]}
	h.store = h.store[:size]
	for i := range int(count) {
		raw := blob[8+16*i:]
		tag := binary.BigEndian.Uint32(raw)
		h.entries[tag] = [3]uint32{binary.BigEndian.Uint32(raw[4:]), binary.BigEndian.Uint32(raw[8:]), binary.BigEndian.Uint32(raw[12:])}
	}
	return h, nil
}

// strings reads a tag of type STRING, STRING_ARRAY or I18NSTRING.
func (h header) strings(tag uint32) []string {
	entry, ok := h.entries[tag]
	if !ok || entry[0] != 6 && entry[0] != 8 && entry[0] != 9 || entry[2] > maxItems || uint64(entry[1]) > uint64(len(h.store)) {
		return nil
	}
	rest := h.store[entry[1]:]
	var list []string
	for range min(uint64(entry[2]), uint64(len(rest))) {
		end := bytes.IndexByte(rest, 0)
		if end < 0 {
			return nil
		}
		list = append(list, string(rest[:end]))
		rest = rest[end+1:]
	}
	return list
}

func (h header) text(tag uint32) string {
	if list := h.strings(tag); len(list) > 0 {
		return list[0]
	}
	return ""
}

// numbers reads a tag of type INT16 or INT32.
func (h header) numbers(tag uint32) []uint32 {
	entry, ok := h.entries[tag]
	width := uint64(4)
	if entry[0] == 3 {
		width = 2
	}
	if !ok || entry[0] != 3 && entry[0] != 4 || entry[2] > maxItems || uint64(entry[1])+width*uint64(entry[2]) > uint64(len(h.store)) {
		return nil
	}
	list := make([]uint32, entry[2])
	for i := range list {
		raw := h.store[uint64(entry[1])+width*uint64(i):]
		if width == 2 {
			list[i] = uint32(binary.BigEndian.Uint16(raw))
		} else {
			list[i] = binary.BigEndian.Uint32(raw)
		}
	}
	return list
}

// Package holds the fields of a package's header.
type Package struct {
	Name       string
	Version    string // "EPOCH:VERSION-RELEASE", without what the header does not have
	Arch       string
	Source     string // name of the source package
	License    string
	Homepage   string
	Maintainer string   // the vendor; the packager where there is none
	Provides   []string // without its own name
	Requires   []string // names of capabilities and absolute paths of files; what rpm itself must be able to do is left out
	Conditions []string // what it requires only under a condition: rich dependencies, "(a if b)"
	SourceURL  string   // of the repository with its source code, where the spec file names it

	header header
}

// ParseHeader reads the header of one package. An error is a damaged header.
func ParseHeader(blob []byte) (*Package, error) {
	h, err := newHeader(blob)
	if err != nil {
		return nil, err
	}
	pkg := &Package{Name: h.text(tagName), Version: h.text(tagVersion), Arch: h.text(tagArch), header: h}
	if pkg.Name == "" {
		return nil, errHeader
	}
	if release := h.text(tagRelease); release != "" {
		pkg.Version += "-" + release
	}
	if epoch := h.numbers(tagEpoch); len(epoch) > 0 {
		pkg.Version = fmt.Sprintf("%d:%s", epoch[0], pkg.Version)
	}
	pkg.Source = sourceName(h.text(tagSourceRpm))
	pkg.License, pkg.Homepage, pkg.Maintainer = h.text(tagLicense), h.text(tagURL), h.text(tagVendor)
	pkg.SourceURL = h.text(tagVcs)
	if pkg.Maintainer == "" {
		pkg.Maintainer = h.text(tagPackager)
	}
	for _, name := range h.strings(tagProvideName) {
		if name != pkg.Name {
			pkg.Provides = append(pkg.Provides, name)
		}
	}
	for _, name := range h.strings(tagRequireName) {
		switch {
		case strings.HasPrefix(name, "rpmlib("): // features of rpm
		case strings.HasPrefix(name, "("):
			pkg.Conditions = append(pkg.Conditions, name)
		default:
			pkg.Requires = append(pkg.Requires, name)
		}
	}
	return pkg, nil
}

// Files calls each with the absolute path of every file that is not a directory, and whether it is configuration. The header has base
// names, each with the index of its directory.
func (p *Package) Files(each func(name string, config bool)) {
	h := p.header
	bases, dirs, indexes := h.strings(tagBaseNames), h.strings(tagDirNames), h.numbers(tagDirIndexes)
	modes, flags := h.numbers(tagFileModes), h.numbers(tagFileFlags)
	for i, base := range bases {
		if i >= len(indexes) || uint64(indexes[i]) >= uint64(len(dirs)) {
			return
		}
		const formatMask, directory = 0o170000, 0o040000
		if i < len(modes) && modes[i]&formatMask == directory {
			continue
		}
		if dir := dirs[indexes[i]]; len(dir)+len(base) < maxPath {
			each(path.Clean("/"+dir+"/"+base), i < len(flags) && flags[i]&configFlag != 0)
		}
	}
}

// sourceName is the name in "NAME-VERSION-RELEASE.src.rpm".
func sourceName(rpm string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(rpm, ".rpm"), path.Ext(strings.TrimSuffix(rpm, ".rpm")))
	for range 2 {
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
	}
	return name
}
