package rpmdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// sqlitePage is the size of the pages that are written, in bytes: SQLite's default.
const sqlitePage = 4096

// sqliteSchema is rpm's main table. Its indices are not written: programs that list packages read this table alone, and
// `rpm --rebuilddb` creates them.
const sqliteSchema = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY,blob BLOB NOT NULL)"

// Filter returns an SQLite database with only the packages whose names keep accepts, their headers unchanged byte by byte. It contains
// no data of the other packages. An error is a damaged database.
func Filter(database []byte, keep func(name string) bool) ([]byte, error) {
	w := &sqliteWriter{pages: [][]byte{make([]byte, sqlitePage)}} // the first is the schema's
	err := readSqlite(bytes.NewReader(database), int64(len(database)), func(header []byte) error {
		pkg, err := ParseHeader(header)
		if err != nil {
			return err
		}
		if keep(pkg.Name) {
			w.row(header)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("rpm's database: %w", err)
	}
	root := w.tree()
	w.head(database, root)
	return bytes.Join(w.pages, nil), nil
}

// sqliteWriter writes an SQLite file of one table (https://www.sqlite.org/fileformat2.html), in the order of its rows.
type sqliteWriter struct {
	pages [][]byte
	rows  uint64
	cells [][]byte // of the leaf at work
	room  int      // that is left in it, in bytes
	nodes []sqliteNode
}

// sqliteNode is a page of the tree and the largest key below it.
type sqliteNode struct {
	page uint32
	key  uint64
}

// add gives a page its number.
func (w *sqliteWriter) add(page []byte) uint32 {
	w.pages = append(w.pages, page)
	return uint32(len(w.pages))
}

// row appends a row: no value for hnum, which is the key itself, and the blob.
func (w *sqliteWriter) row(blob []byte) {
	kind := putVarint(nil, uint64(12+2*len(blob)))
	payload := append([]byte{byte(2 + len(kind)), 0}, kind...)
	payload = append(payload, blob...)
	w.rows++
	cell := append(putVarint(nil, uint64(len(payload))), putVarint(nil, w.rows)...)
	local := localPayload(len(payload), sqlitePage)
	cell = append(cell, payload[:local]...)
	if rest := payload[local:]; len(rest) > 0 {
		cell = binary.BigEndian.AppendUint32(cell, w.overflow(rest))
	}
	if len(cell)+2 > w.room && len(w.cells) > 0 {
		w.leaf(w.rows - 1)
	}
	if len(w.cells) == 0 {
		w.room = sqlitePage - 8
	}
	w.cells, w.room = append(w.cells, cell), w.room-len(cell)-2
}

// overflow writes the part of a payload that does not fit in the leaf as a chain of pages, and returns the first.
func (w *sqliteWriter) overflow(rest []byte) uint32 {
	first := uint32(len(w.pages) + 1)
	for len(rest) > 0 {
		page := make([]byte, sqlitePage)
		rest = rest[copy(page[4:], rest):]
		number := w.add(page)
		if len(rest) > 0 {
			binary.BigEndian.PutUint32(page, number+1)
		}
	}
	return first
}

// leaf ends the leaf at work; key is that of its last row.
func (w *sqliteWriter) leaf(key uint64) {
	page := make([]byte, sqlitePage)
	fillPage(page, page, sqliteLeaf, w.cells)
	w.nodes, w.cells = append(w.nodes, sqliteNode{w.add(page), key}), nil
}

// tree ends the table and returns its root: interior pages over the leaves until there is one page.
func (w *sqliteWriter) tree() uint32 {
	const fan = (sqlitePage - 12) / (2 + 4 + 9) // a cell is at most a page number and a key of 9 bytes
	if len(w.cells) > 0 || len(w.nodes) == 0 {
		w.leaf(w.rows)
	}
	for len(w.nodes) > 1 {
		var above []sqliteNode
		for len(w.nodes) > 0 {
			n := min(fan, len(w.nodes))
			if n == len(w.nodes)-1 {
				n-- // no page of one child alone
			}
			group := w.nodes[:n]
			w.nodes = w.nodes[n:]
			var cells [][]byte
			for _, node := range group[:n-1] {
				cells = append(cells, putVarint(binary.BigEndian.AppendUint32(nil, node.page), node.key))
			}
			page, last := make([]byte, sqlitePage), group[n-1]
			fillPage(page, page, sqliteInterior, cells)
			binary.BigEndian.PutUint32(page[8:], last.page)
			above = append(above, sqliteNode{w.add(page), last.key})
		}
		w.nodes = above
	}
	return w.nodes[0].page
}

// head writes the first page: the file's header and the schema, with the application's own numbers of the original.
func (w *sqliteWriter) head(original []byte, root uint32) {
	page, be := w.pages[0], binary.BigEndian
	copy(page, sqliteMagic)
	be.PutUint16(page[16:], sqlitePage)
	copy(page[18:], []byte{1, 1, 0, 64, 32, 32}) // no write-ahead log: the image is read-only
	be.PutUint32(page[24:], 1)                   // changes
	be.PutUint32(page[28:], uint32(len(w.pages)))
	be.PutUint32(page[40:], 1) // the schema's cookie
	be.PutUint32(page[44:], 4) // its format
	be.PutUint32(page[56:], 1) // UTF-8
	copy(page[60:64], original[60:64])
	copy(page[68:72], original[68:72])
	be.PutUint32(page[92:], 1)
	be.PutUint32(page[96:], 3040000)
	record := append([]byte{0, 13 + 2*5, 13 + 2*8, 13 + 2*8, 4}, putVarint(nil, uint64(13+2*len(sqliteSchema)))...)
	record[0] = byte(len(record))
	record = append(record, "tablePackagesPackages"...)
	record = append(be.AppendUint32(record, root), sqliteSchema...)
	fillPage(page, page[100:], sqliteLeaf, [][]byte{append(append(putVarint(nil, uint64(len(record))), 1), record...)})
}

// fillPage writes a page's header, which begins at head, and its cells from the end of the page on.
func fillPage(page, head []byte, kind byte, cells [][]byte) {
	pointers, end := head[8:], len(page)
	if kind == sqliteInterior {
		pointers = head[12:]
	}
	for i, cell := range cells {
		end -= len(cell)
		copy(page[end:], cell)
		binary.BigEndian.PutUint16(pointers[2*i:], uint16(end))
	}
	head[0] = kind
	binary.BigEndian.PutUint16(head[3:], uint16(len(cells)))
	binary.BigEndian.PutUint16(head[5:], uint16(end))
}

// localPayload is how much of a payload a leaf holds itself; the rest overflows ("Cell Payload Overflow Pages").
func localPayload(length, usable int) int {
	if length <= usable-35 {
		return length
	}
	least := (usable-12)*32/255 - 23
	if local := least + (length-least)%(usable-4); local <= usable-35 {
		return local
	}
	return least
}

// putVarint appends SQLite's variable-length number, of values below 2^56.
func putVarint(b []byte, v uint64) []byte {
	var digits [8]byte
	at := len(digits) - 1
	digits[at] = byte(v & 0x7f)
	for v >>= 7; v > 0; v >>= 7 {
		at--
		digits[at] = byte(v&0x7f) | 0x80
	}
	return append(b, digits[at:]...)
}
