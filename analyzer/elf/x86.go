package elf

import (
	"encoding/binary"
	"strings"
)

// instruction is one x86-64 instruction, decoded as far as the search for system call numbers needs it.
type instruction struct {
	size   int
	table  byte // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A; with vexTable added where it has a VEX or EVEX prefix
	opcode byte
	rex    byte
	modrm  byte
	imm    uint32 // the last four bytes where the immediate has four or eight, the last one where it has one
	mem    bool   // has a ModRM byte that names memory
}

const vexTable = 0x80

// Classes of the one-byte opcodes (Intel SDM volume 2, appendix A): what follows the opcode.
//
//	. nothing   m ModRM   b byte   z four bytes (two with 66)   B ModRM and byte   Z ModRM and four bytes
//	w two bytes   e three bytes   o address of eight bytes   v four, or eight with REX.W   3, 7 group with a test   p prefix
//	x not in 64-bit mode
const oneByte = "mmmmbzxxmmmmbzxp" + "mmmmbzxxmmmmbzxx" + "mmmmbzpxmmmmbzpx" + "mmmmbzpxmmmmbzpx" +
	"pppppppppppppppp" + "................" + "xxxmppppzZbB...." + "bbbbbbbbbbbbbbbb" +
	"BZxBmmmmmmmmmmmm" + "..........x....." + "oooo....bz......" + "bbbbbbbbvvvvvvvv" +
	"BBw.xxBZe.w..bx." + "mmmmxxx.mmmmmmmm" + "bbbbbbbbzzxb...." + "p.pp..37......mm"

// bare are the opcodes behind 0F that have no ModRM byte and nothing else; those from 80 to 8F have four bytes.
const bare = "\x05\x06\x07\x08\x09\x0b\x0e\x30\x31\x32\x33\x34\x35\x37\x77\xa0\xa1\xa2\xa8\xa9\xaa\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf"

// byteBehind are the opcodes behind 0F with a ModRM byte and a byte.
const byteBehind = "\x70\x71\x72\x73\xa4\xac\xba\xc2\xc4\xc5\xc6"

// decodeX86 reads the instruction at the begin of code; ok is false where there is none.
func decodeX86(code []byte) (in instruction, ok bool) {
	at, short := in.prefixes(code)
	if at >= len(code) {
		return in, false
	}
	class, at, ok := in.opcodeAt(code, at)
	if !ok {
		return in, false
	}
	if class == 'm' || class == 'B' || class == 'Z' || class == '3' || class == '7' {
		if at >= len(code) {
			return in, false
		}
		in.modrm = code[at]
		if at += modrmSize(code[at:]); at > len(code) {
			return in, false
		}
		in.mem = in.modrm < 0xc0
	}
	size := immediate(class, in, short)
	if size < 0 || at+size > len(code) {
		return in, false
	}
	switch size {
	case 1:
		in.imm = uint32(int32(int8(code[at])))
	case 4, 8:
		in.imm = binary.LittleEndian.Uint32(code[at:])
	}
	in.size = at + size
	return in, true
}

// prefixes skips the legacy prefixes and REX; short is true if operands have two bytes.
func (in *instruction) prefixes(code []byte) (at int, short bool) {
	for ; at < min(len(code), 14); at++ {
		c := code[at]
		if c&0xf0 == 0x40 {
			in.rex = c
			return at + 1, short
		}
		if c == 0x0f || oneByte[c] != 'p' {
			break
		}
		short = short || c == 0x66
	}
	return at, short
}

// opcodeAt reads the opcode behind the legacy prefixes, and where its operands begin.
func (in *instruction) opcodeAt(code []byte, at int) (class byte, next int, ok bool) {
	vex := func(table byte, skip int) (byte, int, bool) {
		if at+skip >= len(code) {
			return 0, 0, false
		}
		in.table, in.opcode = vexTable|table, code[at+skip]
		return twoBytes(table, in.opcode), at + skip + 1, true
	}
	rest := code[at:]
	switch {
	case len(rest) > 2 && rest[0] == 0xc5:
		return vex(1, 2)
	case len(rest) > 3 && rest[0] == 0xc4:
		return vex(rest[1]&0x1f, 3)
	case len(rest) > 4 && rest[0] == 0x62:
		return vex(rest[1]&7, 4)
	case rest[0] != 0x0f:
		in.opcode = rest[0]
		return oneByte[rest[0]], at + 1, true
	case len(rest) > 2 && (rest[1] == 0x38 || rest[1] == 0x3a):
		in.table, in.opcode = 2+(rest[1]>>1)&1, rest[2]
		return twoBytes(in.table, in.opcode), at + 3, true
	case len(rest) > 1:
		in.table, in.opcode = 1, rest[1]
		return twoBytes(1, in.opcode), at + 2, true
	}
	return 0, 0, false
}

// twoBytes is the class of an opcode of the tables behind 0F.
func twoBytes(table, opcode byte) byte {
	switch {
	case table == 3, table == 1 && strings.IndexByte(byteBehind, opcode) >= 0:
		return 'B'
	case table == 1 && opcode >= 0x80 && opcode <= 0x8f:
		return 'z'
	case table == 1 && strings.IndexByte(bare, opcode) >= 0:
		return '.'
	}
	return 'm'
}

// modrmSize is the number of bytes of a ModRM byte with what belongs to it.
func modrmSize(code []byte) int {
	mod, rm, size := code[0]>>6, code[0]&7, 1
	if mod == 3 {
		return 1
	}
	base := rm
	if rm == 4 {
		if len(code) < 2 {
			return len(code) + 1
		}
		base, size = code[1]&7, 2
	}
	switch {
	case mod == 1:
		return size + 1
	case mod == 2, base == 5:
		return size + 4
	}
	return size
}

// immediate returns the number of bytes of an immediate, -1 if the opcode is not an instruction.
func immediate(class byte, in instruction, short bool) int {
	word := 4
	if short && in.rex&8 == 0 && in.opcode != 0xe8 && in.opcode != 0xe9 && in.table == 0 {
		word = 2
	}
	switch class {
	case '.', 'm':
		return 0
	case 'b', 'B':
		return 1
	case 'w':
		return 2
	case 'e':
		return 3
	case 'z', 'Z':
		return word
	case 'o':
		return 8
	case 'v':
		if in.rex&8 != 0 {
			return 8
		}
		return word
	case '3':
		if in.modrm>>3&7 < 2 {
			return 1
		}
		return 0
	case '7':
		if in.modrm>>3&7 < 2 {
			return word
		}
		return 0
	}
	return -1
}

// branch is where a jump inside a function leads, from the address behind it.
func (in instruction) branch(behind int) (int, bool) {
	op := in.opcode
	if in.table == 0 && (op&0xf0 == 0x70 || op == 0xeb || op == 0xe9) || in.table == 1 && op&0xf0 == 0x80 {
		return behind + int(int32(in.imm)), true
	}
	return 0, false
}
