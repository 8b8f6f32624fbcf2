package python

import (
	"encoding/binary"
	"math/bits"
)

// HeaderSize is the length of the header of a .pyc file (PEP 552), in bytes.
const HeaderSize = 16

// The bits of the second word of the header.
const (
	hashBased   = 1 // the header holds a hash of the source, else its time and size
	checkSource = 2 // the interpreter compares the hash with that of the source
)

// Bytecode is the header of a .pyc file.
type Bytecode struct {
	Magic [4]byte // of the interpreter that compiled it
	Flags uint32
	Rest  [8]byte // the hash, or the time and the size of the source, each modulo 2^32
}

// ReadBytecode reads the header of a .pyc file of Python 3.7 and later. It returns false for any other file.
func ReadBytecode(data []byte) (Bytecode, bool) {
	if len(data) < HeaderSize || data[2] != '\r' || data[3] != '\n' {
		return Bytecode{}, false
	}
	b := Bytecode{Flags: binary.LittleEndian.Uint32(data[4:])}
	copy(b.Magic[:], data)
	copy(b.Rest[:], data[8:])
	return b, b.Flags&^(hashBased|checkSource) == 0
}

// NeedsSource reports whether the source's content is needed to check that the bytecode is valid.
func (b Bytecode) NeedsSource() bool { return b.Flags == hashBased|checkSource }

// Matches reports whether an interpreter uses the bytecode for a source of this time (Unix seconds) and size. It reads the content only
// if NeedsSource is true. Source: importlib._bootstrap_external, SourceLoader.get_code.
func (b Bytecode) Matches(seconds, size int64, content []byte) bool {
	switch {
	case b.Flags == hashBased:
		return true
	case b.Flags == 0:
		return binary.LittleEndian.Uint32(b.Rest[:]) == uint32(seconds) && binary.LittleEndian.Uint32(b.Rest[4:]) == uint32(size)
	}
	want := binary.LittleEndian.Uint64(b.Rest[:])
	key := uint64(binary.LittleEndian.Uint32(b.Magic[:]))
	return sipHash(key, content, 1, 3) == want || sipHash(key, content, 2, 4) == want // of Python 3.11 and later, and of earlier ones
}

// sipHash is SipHash with the key (key, 0), as _imp.source_hash computes it (Python/pyhash.c).
func sipHash(key uint64, data []byte, perBlock, atEnd int) uint64 {
	v := [4]uint64{key ^ 0x736f6d6570736575, 0x646f72616e646f6d, key ^ 0x6c7967656e657261, 0x7465646279746573}
	last := uint64(len(data)) << 56
	for ; len(data) >= 8; data = data[8:] {
		sipBlock(&v, binary.LittleEndian.Uint64(data), perBlock)
	}
	for i, c := range data {
		last |= uint64(c) << (8 * i)
	}
	sipBlock(&v, last, perBlock)
	v[2] ^= 0xff
	for range atEnd {
		sipRound(&v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipBlock(v *[4]uint64, block uint64, rounds int) {
	v[3] ^= block
	for range rounds {
		sipRound(v)
	}
	v[0] ^= block
}

func sipRound(v *[4]uint64) {
	v[0] += v[1]
	v[2] += v[3]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[1]
	v[0] += v[3]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] = bits.RotateLeft64(v[2], 32)
}
