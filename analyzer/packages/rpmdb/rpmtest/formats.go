package rpmtest

import "encoding/binary"

// appendVarint writes a number below 2^21 as SQLite does.
func appendVarint(b []byte, v int) []byte {
	return append(b, byte(v>>14)|0x80, byte(v>>7)|0x80, byte(v&0x7f))
}

// SQLite makes, without a library, a database of one table Packages: the schema, an interior page, one leaf per header, overflow pages.
func SQLite(headers ...[]byte) []byte {
	const size = 512
	be := binary.BigEndian
	pages := make([][]byte, 2+len(headers))
	for i := range pages {
		pages[i] = make([]byte, size)
	}
	leaf := func(page, head []byte, payload []byte) {
		local := len(payload)
		if local > size-35 {
			least := (size-12)*32/255 - 23
			if local = least + (len(payload)-least)%(size-4); local > size-35 {
				local = least
			}
		}
		cell := append(appendVarint(nil, len(payload)), 1)
		cell = append(cell, payload[:local]...)
		if rest := payload[local:]; len(rest) > 0 {
			cell = be.AppendUint32(cell, uint32(len(pages)+1))
			for len(rest) > 0 {
				over := make([]byte, size)
				n := copy(over[4:], rest)
				if rest = rest[n:]; len(rest) > 0 {
					be.PutUint32(over, uint32(len(pages)+2))
				}
				pages = append(pages, over)
			}
		}
		head[0] = 13
		be.PutUint16(head[3:], 1)
		be.PutUint16(head[8:], uint16(size-len(cell)))
		copy(page[size-len(cell):], cell)
	}
	copy(pages[0], "SQLite format 3\x00\x02\x00\x01\x01\x00\x40\x20\x20")
	leaf(pages[0], pages[0][100:], append([]byte{5, 13 + 2*5, 13 + 2*8, 13 + 2*8, 1}, "tablePackagesPackages\x02"...))
	root := pages[1]
	root[0] = 5
	be.PutUint16(root[3:], uint16(len(headers)-1))
	for i, header := range headers {
		record := append([]byte{5, 0}, appendVarint(nil, 12+2*len(header))...)
		leaf(pages[2+i], pages[2+i], append(record, header...))
		if i == len(headers)-1 {
			be.PutUint32(root[8:], uint32(3+i))
			break
		}
		at := size - 5*(i+1)
		be.PutUint16(root[12+2*i:], uint16(at))
		be.PutUint32(root[at:], uint32(3+i))
		root[at+4] = byte(i)
	}
	var file []byte
	for _, page := range pages {
		file = append(file, page...)
	}
	return file
}

// NDB makes a database in the format that SUSE uses (rpm's lib/backend/ndb).
func NDB(headers ...[]byte) []byte {
	le := binary.LittleEndian
	file := make([]byte, 4096)
	copy(file, "RpmP")
	le.PutUint32(file[12:], 1)
	for i, header := range headers {
		slot := file[32+16*i:]
		copy(slot, "Slot")
		le.PutUint32(slot[4:], uint32(i+1))
		le.PutUint32(slot[8:], uint32(len(file)/16))
		blob := append([]byte("BlbS"), make([]byte, 12)...)
		le.PutUint32(blob[4:], uint32(i+1))
		le.PutUint32(blob[12:], uint32(len(header)))
		file = append(append(file, blob...), header...)
		file = append(file, make([]byte, 16-len(file)%16)...)
	}
	return file
}

// BDB makes a Berkeley DB hash file, as rpm before 4.16 wrote it.
func BDB(headers ...[]byte) []byte {
	const size = 512
	le := binary.LittleEndian
	pages := [][]byte{make([]byte, size), make([]byte, size)}
	le.PutUint32(pages[0][12:], 0x061561)
	le.PutUint32(pages[0][20:], size)
	hash := pages[1]
	hash[25] = 13
	le.PutUint16(hash[20:], uint16(2*len(headers)))
	for i, header := range headers {
		at := size - 32*(i+1)
		le.PutUint16(hash[26+4*i:], uint16(at+16)) // the key, in place
		hash[at+16] = 1
		le.PutUint16(hash[28+4*i:], uint16(at))
		hash[at] = 3
		le.PutUint32(hash[at+4:], uint32(len(pages)))
		le.PutUint32(hash[at+8:], uint32(len(header)))
		for rest := header; len(rest) > 0; {
			page := make([]byte, size)
			page[25] = 7
			n := copy(page[26:], rest)
			le.PutUint16(page[22:], uint16(n))
			if rest = rest[n:]; len(rest) > 0 {
				le.PutUint32(page[16:], uint32(len(pages)+1))
			}
			pages = append(pages, page)
		}
	}
	le.PutUint32(pages[0][32:], uint32(len(pages)-1))
	var file []byte
	for _, page := range pages {
		file = append(file, page...)
	}
	return file
}
