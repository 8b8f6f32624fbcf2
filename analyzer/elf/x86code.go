package elf

import "encoding/binary"

// x86 is x86-64.
type x86 struct{}

func (x86) register() int { return regAX }
func (x86) argument() int { return regDI }
func (x86) spilled() int  { return regAX }

// mark finds "syscall", the stubs "jmp *slot(%rip)" with the instructions that may stand before it (endbr64, bnd), calls through the
// slot, and loads of it.
func (x86) mark(code []byte, addr uint64, slots map[uint64]bool, found *marks) {
	for i := 0; i+2 <= len(code); i++ {
		op, second := code[i], code[i+1]
		switch {
		case op == 0x0f && second == 0x05:
			found.calls = append(found.calls, addr+uint64(i))
		case len(slots) > 0 && i+6 <= len(code) && (op == 0xff && second&0xcf == 5 || op == 0x8b && second&0xc7 == 5):
			here := addr + uint64(i)
			if slots[here+6+offset32(code[i+2:])] {
				x86Slot(op, second, here, found)
			}
		}
	}
}

// x86Slot is one use of a slot: by "jmp", "call", or another.
func x86Slot(op, modrm byte, here uint64, found *marks) {
	switch {
	case op == 0xff && modrm == 0x25:
		found.stubs = append(found.stubs, here, here-1, here-4, here-5)
	case op == 0xff && modrm == 0x15:
		found.direct = append(found.direct, here)
	default:
		found.pointer = true
	}
}

// offset32 is the signed number of four bytes that an instruction adds to an address.
func offset32(code []byte) uint64 { return uint64(int64(int32(binary.LittleEndian.Uint32(code)))) }

// branches finds the calls and jumps with an offset of four bytes, and bytes that look like one.
func (x86) branches(code []byte, addr uint64, visit func(from, to uint64)) {
	for i := 0; i+5 <= len(code); i++ {
		at := i
		switch c := code[i]; {
		case c == 0xe8 || c == 0xe9:
		case c == 0x0f && code[i+1]&0xf0 == 0x80 && i+6 <= len(code):
			at++
		default:
			continue
		}
		visit(addr+uint64(i), addr+uint64(at)+5+offset32(code[at+1:]))
	}
}

// indirect finds "call" of a register or of memory, and bytes that look like one.
func (x86) indirect(code []byte, addr uint64, visit func(at uint64)) {
	for i := 0; i+2 <= len(code); i++ {
		if code[i] == 0xff && code[i+1]>>3&7 == 2 {
			visit(addr + uint64(i))
		}
	}
}

func (x86) trace(code []byte, at, register int) (value, bool) {
	t, ahead := newTracker(), map[int]*tracker{}
	for pos := 0; pos <= at; {
		if other := ahead[pos]; other != nil {
			t.join(other)
		}
		if pos == at {
			return t.value(register), true
		}
		in, ok := decodeX86(code[pos:])
		if !ok {
			pos++
			continue
		}
		t.step(in)
		pos += in.size
		if to, ok := in.branch(pos); ok && to > pos && to <= at && len(ahead) < maxAhead {
			if ahead[to] == nil {
				ahead[to] = t.clone()
			}
		}
	}
	return value{}, false
}

// agree starts decoding at several offsets: x86 decoding synchronizes after a few instructions, so most starts reach a real
// instruction.
func (x x86) agree(code []byte, at, register int) (value, bool) {
	const ways = 32
	if at < 2*ways {
		return x.trace(code, at, register)
	}
	met := 0
	var last value
	for way := range ways {
		if v, ok := x.trace(code[way:], at-way, register); ok {
			met++
			last = v
		}
	}
	return last, met > ways/2
}
