// Package rpmtest makes small rpm databases for tests.
package rpmtest

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // writes what rpm would
)

// header collects tags: an index and a store (rpm's lib/header.c).
type header struct {
	index, store []byte
	entries      uint32
}

// Types of tags (rpm's include/rpm/rpmtag.h), and the alignment of their values in the store.
const (
	typeInt16  = 3
	typeInt32  = 4
	typeString = 6
	typeList   = 8
)

func (h *header) add(tag, kind, count int, data []byte) {
	align := map[int]int{typeInt16: 2, typeInt32: 4}[kind]
	for align > 0 && len(h.store)%align != 0 {
		h.store = append(h.store, 0)
	}
	for _, v := range []int{tag, kind, len(h.store), count} {
		h.index = binary.BigEndian.AppendUint32(h.index, uint32(v))
	}
	h.store = append(h.store, data...)
	h.entries++
}

func (h *header) words(tag, kind int, words ...string) {
	h.add(tag, kind, len(words), []byte(strings.Join(words, "\x00")+"\x00"))
}

func (h *header) numbers(tag, kind int, values ...uint32) {
	var data []byte
	for _, v := range values {
		if kind == typeInt16 {
			data = binary.BigEndian.AppendUint16(data, uint16(v))
		} else {
			data = binary.BigEndian.AppendUint32(data, v)
		}
	}
	h.add(tag, kind, len(values), data)
}

// Header is the header of a package of version 1:1.2-3.el9 with these files, by absolute path: those that end in a slash are directories,
// those that end in .conf configuration.
func Header(name string, files ...string) []byte {
	var h header
	h.words(1000, typeString, name)
	h.words(1001, typeString, "1.2")
	h.words(1002, typeString, "3.el9")
	h.numbers(1003, typeInt32, 1)
	h.words(1011, typeString, "Rocky Enterprise Software Foundation") // Trivy finds no flaw in a package of another vendor
	h.words(1022, typeString, "x86_64")
	var bases, dirs []string
	var modes, flags, places []uint32
	for _, file := range files {
		mode, flag := uint32(0o100644), uint32(0)
		if strings.HasSuffix(file, "/") {
			mode = 0o40755
		}
		if strings.HasSuffix(file, ".conf") {
			flag = 1
		}
		dir := strings.TrimSuffix(path.Dir(path.Clean(file)), "/") + "/"
		place := slices.Index(dirs, dir)
		if place < 0 {
			place = len(dirs)
			dirs = append(dirs, dir)
		}
		bases, modes, flags, places = append(bases, path.Base(file)), append(modes, mode), append(flags, flag), append(places, uint32(place))
	}
	h.numbers(1030, typeInt16, modes...)
	h.numbers(1037, typeInt32, flags...)
	h.words(1044, typeString, "src-of-it-1.2-3.el9.src.rpm")
	h.words(1047, typeList, name, "virtual")
	h.words(1049, typeList, "rpmlib(CompressedFileNames)", "/usr/bin/tool", "(a or b)")
	h.numbers(1116, typeInt32, places...)
	h.words(1117, typeList, bases...)
	h.words(1118, typeList, dirs...)
	blob := binary.BigEndian.AppendUint32(nil, h.entries)
	blob = binary.BigEndian.AppendUint32(blob, uint32(len(h.store)))
	return slices.Concat(blob, h.index, h.store)
}

// Database is rpmdb.sqlite with these headers, as SQLite writes it.
func Database(headers ...[]byte) (data []byte, err error) {
	dir, err := os.MkdirTemp("", "slim-rpm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "rpmdb.sqlite")
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"); err != nil {
		return nil, err
	}
	tx, err := db.Begin()
	if err != nil {
		return nil, err
	}
	for _, header := range headers {
		if _, err := tx.Exec("INSERT INTO Packages (blob) VALUES (?)", header); err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}
