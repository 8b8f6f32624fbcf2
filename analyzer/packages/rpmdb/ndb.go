package rpmdb

import (
	"encoding/binary"
	"errors"
	"io"
)

var errNdb = errors.New("damaged ndb file")

// readNdb calls each with every package's header in rpm's ndb format (lib/backend/ndb/rpmpkg.c): pages of 4 KiB of slots of
// 16 bytes ("Slot", package, block, blocks), the first two slots being the file's header; a block is 16 bytes; a blob begins
// with "BlbS", package, generation, length.
func readNdb(r io.ReaderAt, size int64, each func([]byte) error) error {
	const pageSize, slotSize, blockSize, maxSlotPages = 4096, 16, 16, 2048
	le := binary.LittleEndian
	head, err := readExact(r, size, 0, 32)
	if err != nil || string(head[:4]) != "RpmP" {
		return errNdb
	}
	pages := int64(le.Uint32(head[12:]))
	if pages == 0 || pages > maxSlotPages {
		return errNdb
	}
	slots, err := readExact(r, size, 0, pages*pageSize)
	if err != nil {
		return err
	}
	budget := size // blobs do not overlap: together no more than the file
	for slots = slots[2*slotSize:]; len(slots) >= slotSize; slots = slots[slotSize:] {
		index, block := le.Uint32(slots[4:]), int64(le.Uint32(slots[8:]))
		if string(slots[:4]) != "Slot" || index == 0 || block == 0 {
			continue
		}
		start, err := readExact(r, size, block*blockSize, 16)
		if err != nil {
			return err
		}
		length := int64(le.Uint32(start[12:]))
		if budget -= length; string(start[:4]) != "BlbS" || le.Uint32(start[4:]) != index || length > maxHeader || budget < 0 {
			return errNdb
		}
		blob, err := readExact(r, size, block*blockSize+16, length)
		if err != nil {
			return err
		}
		if err := each(blob); err != nil {
			return err
		}
	}
	return nil
}
