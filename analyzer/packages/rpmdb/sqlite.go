package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// sqliteDB reads one table of an SQLite file (https://www.sqlite.org/fileformat2.html): tables are B-trees of pages. A
// write-ahead log beside the file is not read: rpm closes its database, which moves the log into it.
type sqliteDB struct {
	r        io.ReaderAt
	size     int64
	page     int64 // bytes of a page
	usable   int64 // of them for content
	visited  map[uint32]bool
	overflow int64 // pages of overflow that may still be read
}

const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteInterior = 5 // page types of table B-trees
	sqliteLeaf     = 13
	sqliteDepth    = 32
)

var errSqlite = errors.New("damaged SQLite file")

// readSqlite calls each with the blob of every row of rpm's table Packages (hnum INTEGER PRIMARY KEY, blob BLOB).
func readSqlite(r io.ReaderAt, size int64, each func([]byte) error) error {
	db, err := openSqlite(r, size)
	if err != nil {
		return err
	}
	return db.table("Packages", func(record []byte) error {
		columns := sqliteColumns(record, 2)
		if len(columns) < 2 {
			return errSqlite
		}
		return each(columns[1])
	})
}

// openSqlite reads the file's header.
func openSqlite(r io.ReaderAt, size int64) (*sqliteDB, error) {
	head, err := readExact(r, size, 0, 100)
	if err != nil || !bytes.HasPrefix(head, []byte(sqliteMagic)) {
		return nil, errSqlite
	}
	page := int64(binary.BigEndian.Uint16(head[16:]))
	if page == 1 {
		page = 65536
	}
	db := &sqliteDB{r: r, size: size, page: page, usable: page - int64(head[20]), visited: map[uint32]bool{},
		overflow: 4 * size / max(page, 512)}
	if page < 512 || page&(page-1) != 0 || db.usable < 480 {
		return nil, errSqlite
	}
	return db, nil
}

// table calls each with every record of a table, in order of their keys.
func (db *sqliteDB) table(name string, each func(record []byte) error) error {
	root := uint32(0)
	db.visited = map[uint32]bool{}
	// The schema is a table at page 1: type, name, tbl_name, rootpage, sql.
	err := db.walk(1, 0, func(record []byte) error {
		columns := sqliteColumns(record, 4)
		if len(columns) == 4 && string(columns[0]) == "table" && string(columns[1]) == name {
			for _, b := range columns[3] {
				root = root<<8 | uint32(b)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if root < 2 {
		return errors.New("no table " + name)
	}
	return db.walk(root, 0, each)
}

// walk visits the records of a table in order of their keys. No page is visited twice, so this ends.
func (db *sqliteDB) walk(number uint32, depth int, each func(record []byte) error) error {
	if number == 0 || depth > sqliteDepth || db.visited[number] {
		return errSqlite
	}
	db.visited[number] = true
	page, err := readExact(db.r, db.size, int64(number-1)*db.page, db.page)
	if err != nil {
		return err
	}
	head := page
	if number == 1 {
		head = page[100:] // the file's header
	}
	count, cells := int(binary.BigEndian.Uint16(head[3:])), head[8:]
	if head[0] == sqliteInterior {
		cells = head[12:]
	}
	if 2*count > len(cells) {
		return errSqlite
	}
	for i := range count {
		at := int64(binary.BigEndian.Uint16(cells[2*i:]))
		if at+4 > db.usable {
			return errSqlite
		}
		switch head[0] {
		case sqliteInterior:
			err = db.walk(binary.BigEndian.Uint32(page[at:]), depth+1, each)
		case sqliteLeaf:
			var record []byte
			if record, err = db.record(page[at:db.usable]); err == nil {
				err = each(record)
			}
		default:
			err = errSqlite
		}
		if err != nil {
			return err
		}
	}
	if head[0] == sqliteInterior {
		return db.walk(binary.BigEndian.Uint32(head[8:]), depth+1, each)
	}
	return nil
}

// record is the whole payload of a leaf's cell, its overflow pages joined ("Cell Payload Overflow Pages").
func (db *sqliteDB) record(cell []byte) ([]byte, error) {
	length, n := varint(cell)
	_, m := varint(cell[n:])
	cell = cell[n+m:]
	if length > maxHeader+1024 || int64(length) > db.size {
		return nil, errSqlite
	}
	local := int64(localPayload(int(length), int(db.usable)))
	if local == int64(length) {
		if local > int64(len(cell)) {
			return nil, errSqlite
		}
		return cell[:local], nil
	}
	if local+4 > int64(len(cell)) {
		return nil, errSqlite
	}
	record := append(make([]byte, 0, length), cell[:local]...)
	next := binary.BigEndian.Uint32(cell[local:])
	for uint64(len(record)) < length {
		if db.overflow--; next == 0 || db.overflow < 0 {
			return nil, errSqlite
		}
		page, err := readExact(db.r, db.size, int64(next-1)*db.page, db.page)
		if err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(page)
		record = append(record, page[4:min(db.usable, 4+int64(length)-int64(len(record)))]...)
	}
	return record, nil
}

// sqliteColumns are the bytes of a record's first columns ("Record Format").
func sqliteColumns(record []byte, count int) [][]byte {
	headerSize, n := varint(record)
	if headerSize > uint64(len(record)) || n > int(headerSize) {
		return nil
	}
	types, body := record[n:headerSize], record[headerSize:]
	var columns [][]byte
	for len(types) > 0 && len(columns) < count {
		kind, n := varint(types)
		types = types[n:]
		width := uint64(0)
		switch {
		case kind == 9: // the integer 1
			columns = append(columns, []byte{1})
			continue
		case kind >= 12:
			width = (kind - 12) / 2
		case kind <= 7:
			width = []uint64{0, 1, 2, 3, 4, 6, 8, 8}[kind]
		}
		if width > uint64(len(body)) {
			return nil
		}
		columns = append(columns, body[:width])
		body = body[width:]
	}
	return columns
}

// varint reads SQLite's variable-length number: 7 bits a byte, the highest first, at most 9 bytes. What is cut off counts as
// read, with the value so far.
func varint(b []byte) (value uint64, size int) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return value<<8 | uint64(b[i]), 9
		}
		value = value<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return value, i + 1
		}
	}
	return value, min(len(b), 9)
}
