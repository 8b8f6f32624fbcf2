package elf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

// The formats of ld.so.cache (glibc sysdeps/generic/dl-cache.h). The old one may come first with the new one behind it.
const (
	oldMagic     = "ld.so-1.7.0"
	newMagic     = "glibc-ld.so.cache1.1"
	oldHeader    = 16
	oldEntry     = 12
	newHeader    = 48
	newEntry     = 24
	maxCache     = 32 << 20 // bytes of the whole file
	maxEntries   = 1 << 18
	cacheBig     = 3 // byte order in the header's flags: 0 unset, 2 little, 3 big
	cacheOrderAt = 28
)

// cacheEntry is one path that the cache has for a name.
type cacheEntry struct {
	path  string
	hwcap bool // only for CPUs with some feature
}

var errCache = errors.New("ld.so.cache in no known format")

// parseCache reads ld.so.cache: the paths for each library name, in the file's order. Entries that point outside the file
// are left out.
func parseCache(data []byte) (map[string][]cacheEntry, error) {
	if at := bytes.Index(data[:min(len(data), maxCache)], []byte(newMagic)); at == 0 || at > 0 && bytes.HasPrefix(data, []byte(oldMagic)) {
		return parseNewCache(data[at:])
	}
	if bytes.HasPrefix(data, []byte(oldMagic)) {
		return parseOldCache(data)
	}
	return nil, errCache
}

func parseNewCache(data []byte) (map[string][]cacheEntry, error) {
	if len(data) < newHeader {
		return nil, errCache
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[cacheOrderAt]&3 == cacheBig {
		order = binary.BigEndian
	}
	count, err := entryCount(data, 20, newHeader, newEntry, &order)
	if err != nil {
		return nil, err
	}
	entries, table := map[string][]cacheEntry{}, string(data)
	for i := range count {
		raw := data[newHeader+i*newEntry:]
		addEntry(entries, table, order.Uint32(raw[4:]), order.Uint32(raw[8:]), order.Uint64(raw[16:]) != 0)
	}
	return entries, nil
}

func parseOldCache(data []byte) (map[string][]cacheEntry, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if len(data) < oldHeader {
		return nil, errCache
	}
	count, err := entryCount(data, 12, oldHeader, oldEntry, &order)
	if err != nil {
		return nil, err
	}
	entries := map[string][]cacheEntry{}
	table := string(data[oldHeader+count*oldEntry:])
	for i := range count {
		raw := data[oldHeader+i*oldEntry:]
		addEntry(entries, table, order.Uint32(raw[4:]), order.Uint32(raw[8:]), false)
	}
	return entries, nil
}

// entryCount reads the number of entries. If the count does not fit, it tries the other byte order: caches written before glibc 2.33 do
// not record theirs.
func entryCount(data []byte, at, header, entry int, order *binary.ByteOrder) (int, error) {
	room := uint32(min((len(data)-header)/entry, maxEntries))
	for _, try := range []binary.ByteOrder{*order, binary.BigEndian} {
		if count := try.Uint32(data[at:]); count <= room {
			*order = try
			return int(count), nil
		}
	}
	return 0, errCache
}

func addEntry(entries map[string][]cacheEntry, table string, key, value uint32, hwcap bool) {
	name, ok := cString(table, key)
	where, ok2 := cString(table, value)
	if ok && ok2 && strings.HasPrefix(where, "/") {
		entries[name] = append(entries[name], cacheEntry{path: where, hwcap: hwcap})
	}
}

// cString is the string at an offset of a table. It shares the table's memory: entries may point into each other's names.
func cString(table string, at uint32) (string, bool) {
	if uint64(at) >= uint64(len(table)) {
		return "", false
	}
	rest := table[at:]
	end := strings.IndexByte(rest[:min(len(rest), maxName)], 0)
	if end <= 0 {
		return "", false
	}
	return rest[:end], true
}
