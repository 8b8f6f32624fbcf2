package rpmdb

import (
	"encoding/binary"
	"errors"
	"io"
)

// Berkeley DB's hash format (db's dbinc/db_page.h), as rpm before 4.16 uses it: page headers of 26 bytes, entries from the
// page's end, keys and values in turn; large values on chains of overflow pages.
const (
	bdbHashMagic  = 0x061561
	bdbPageHeader = 26
	bdbHashPages  = 13 // page types: hash, and before version 4.6 unsorted hash
	bdbHashOld    = 2
	bdbOverflow   = 7
	bdbOffPage    = 3 // item type: the value is elsewhere
)

var errBdb = errors.New("damaged Berkeley DB file")

// bdb is a Berkeley DB hash file being read.
type bdb struct {
	r      io.ReaderAt
	size   int64
	page   int64
	order  binary.ByteOrder
	budget int64 // overflow pages that may still be read
}

// readBdb calls each with every package's header. Values stored in a hash page itself are not headers: headers are larger.
func readBdb(r io.ReaderAt, size int64, each func([]byte) error) error {
	head, err := readExact(r, size, 0, 72)
	if err != nil {
		return errBdb
	}
	db := &bdb{r: r, size: size, order: binary.LittleEndian}
	if db.order.Uint32(head[12:]) != bdbHashMagic {
		db.order = binary.BigEndian
	}
	db.page = int64(db.order.Uint32(head[20:]))
	if db.order.Uint32(head[12:]) != bdbHashMagic || db.page < 512 || db.page > 65536 || db.page&(db.page-1) != 0 {
		return errBdb
	}
	db.budget = 2 * size / db.page
	last := min(int64(db.order.Uint32(head[32:])), size/db.page-1)
	for number := int64(1); number <= last; number++ {
		page, err := readExact(r, size, number*db.page, db.page)
		if err != nil {
			return err
		}
		if page[25] == bdbHashPages || page[25] == bdbHashOld {
			if err := db.hashPage(page, each); err != nil {
				return err
			}
		}
	}
	return nil
}

func (db *bdb) hashPage(page []byte, each func([]byte) error) error {
	count := int(db.order.Uint16(page[20:]))
	if bdbPageHeader+2*count > len(page) {
		return errBdb
	}
	for i := 1; i < count; i += 2 { // values
		at := int(db.order.Uint16(page[bdbPageHeader+2*i:]))
		if at >= len(page) {
			return errBdb
		}
		if page[at] != bdbOffPage {
			continue
		}
		if at+12 > len(page) {
			return errBdb
		}
		blob, err := db.overflow(db.order.Uint32(page[at+4:]), db.order.Uint32(page[at+8:]))
		if err != nil {
			return err
		}
		if err := each(blob); err != nil {
			return err
		}
	}
	return nil
}

// overflow is a value of length bytes on a chain of pages.
func (db *bdb) overflow(number, length uint32) ([]byte, error) {
	if int64(length) > db.size || length > maxHeader {
		return nil, errBdb
	}
	value := make([]byte, 0, length)
	for number != 0 && len(value) < int(length) {
		if db.budget--; db.budget < 0 {
			return nil, errBdb
		}
		page, err := readExact(db.r, db.size, int64(number)*db.page, db.page)
		if err != nil {
			return nil, err
		}
		used := int64(db.order.Uint16(page[22:]))
		if page[25] != bdbOverflow || bdbPageHeader+used > db.page {
			return nil, errBdb
		}
		value = append(value, page[bdbPageHeader:bdbPageHeader+used]...)
		number = db.order.Uint32(page[16:])
	}
	return value[:min(len(value), int(length))], nil
}
