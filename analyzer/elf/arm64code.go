package elf

import "encoding/binary"

// arm64 is AArch64, whose instructions have four bytes each (Arm Architecture Reference Manual, C4).
type arm64 struct{}

func (arm64) register() int { return 8 }
func (arm64) argument() int { return 0 }
func (arm64) spilled() int  { return 0 }

const (
	arm64SVC = 0xd4000001 // svc #0
)

func arm64Word(code []byte) uint32 { return binary.LittleEndian.Uint32(code) }

// arm64Page is the address that an adrp instruction at a given address computes.
func arm64Page(at uint64, word uint32) uint64 {
	return at&^0xfff + uint64(int64(int32(word<<8)>>13<<2|int32(word>>29&3))<<12)
}

func arm64Words(code []byte, addr uint64, visit func(at int, word uint32)) {
	for i := int(-addr & 3); i+4 <= len(code); i += 4 {
		visit(i, arm64Word(code[i:]))
	}
}

// mark finds "svc #0" and "adrp; ldr" of the slot: the stub's with the register x16, or a load for another use.
func (arm64) mark(code []byte, addr uint64, slots map[uint64]bool, found *marks) {
	arm64Words(code, addr, func(i int, word uint32) {
		here := addr + uint64(i)
		if word == arm64SVC {
			found.calls = append(found.calls, here)
		}
		if len(slots) == 0 || word&0x9f000000 != 0x90000000 || i+8 > len(code) {
			return
		}
		next, rd := arm64Word(code[i+4:]), word&31
		if next&0xffc00000 != 0xf9400000 || next>>5&31 != rd || !slots[arm64Page(here, word)+uint64(next>>10&0xfff)*8] {
			return
		}
		if rd == 16 && next&31 == 17 {
			found.stubs = append(found.stubs, here, here-4)
		} else {
			found.pointer = true
		}
	})
}

// branches finds b and bl.
func (arm64) branches(code []byte, addr uint64, visit func(from, to uint64)) {
	arm64Words(code, addr, func(i int, word uint32) {
		if word&0x7c000000 == 0x14000000 {
			here := addr + uint64(i)
			visit(here, here+uint64(int64(int32(word<<6)>>4)))
		}
	})
}

// indirect finds blr.
func (arm64) indirect(code []byte, addr uint64, visit func(at uint64)) {
	arm64Words(code, addr, func(i int, word uint32) {
		if word&0xfffffc1f == 0xd63f0000 {
			visit(addr + uint64(i))
		}
	})
}

func (arm64) trace(code []byte, at, register int) (value, bool) {
	var regs [32]value
	for i := range regs {
		regs[i].entry = i
	}
	arm64Words(code[:min(at, len(code))], 0, func(_ int, word uint32) { arm64Step(&regs, word) })
	return regs[register&31], at&3 == 0
}

func (a arm64) agree(code []byte, at, register int) (value, bool) {
	return a.trace(code[at&3:], at-at&3, register)
}

// arm64Step applies the effect of one instruction to the registers.
func arm64Step(regs *[32]value, word uint32) {
	rd, rn, rm := word&31, word>>5&31, word>>16&31
	unknown := value{entry: unknownEntry}
	switch {
	case word&0x7fe00000 == 0x52800000: // movz without a shift
		regs[rd] = regs[rd].with(word >> 5 & 0xffff)
	case word&0x7fe0ffe0 == 0x2a0003e0: // mov between registers
		if regs[rd] = regs[rm]; rm == 31 {
			regs[rd] = value{}.with(0)
		}
	case word&0x7fe00c00 == 0x1a800000: // csel: either
		numbers := append(regs[rn].numbers[:len(regs[rn].numbers):len(regs[rn].numbers)], regs[rm].numbers...)
		if regs[rd] = (value{numbers, regs[rn].entry}); regs[rn].entry == noEntry {
			regs[rd].entry = regs[rm].entry
		}
	case word&0xfc000000 == 0x94000000, word&0xfffffc1f == 0xd63f0000: // bl, blr
		for i := range 19 {
			regs[i] = unknown
		}
	case word == arm64SVC:
		regs[0] = unknown
	case word>>26&7 == 4, word>>25&7 == 5: // computes into rd
		if rd != 31 {
			regs[rd] = unknown
		}
	case word>>27&1 == 1 && word>>25&1 == 0 && word>>22&1 == 1: // loads
		regs[rd] = unknown
		if word>>27&7 == 5 {
			regs[word>>10&31] = unknown // of a pair
		}
	}
}
