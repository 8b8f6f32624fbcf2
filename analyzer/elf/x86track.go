package elf

import "slices"

// maxValues bounds the constants remembered of one register.
const maxValues = 16

// value is the possible content of a register: constants, and the content of a register at the start of the function.
type value struct {
	numbers []int // of any path that leads here
	entry   int   // the register whose first value it is, otherwise one of the following
}

const (
	noEntry      = -1 // only numbers
	unknownEntry = -2 // also something else
)

// Registers of x86-64 by their number in instructions.
const (
	regAX, regCX, regDX, regSP, regSI, regDI = 0, 1, 2, 4, 6, 7
	// registers that a call does not preserve (System V ABI)
	afterCall = 1<<regAX | 1<<regCX | 1<<regDX | 1<<regSI | 1<<regDI | 0xf<<8
)

// maxAhead bounds the branch targets of a function whose register states are stored.
const maxAhead = 256

// tracker follows constants through the registers of a function, in the order of its bytes, and along forward branches.
type tracker struct {
	regs   [16]value
	stack  value // the word at the stack pointer: the first argument in Go before 1.17
	pushed value // by the last instruction
}

func newTracker() *tracker {
	t := &tracker{stack: value{entry: unknownEntry}, pushed: value{entry: unknownEntry}}
	for i := range t.regs {
		t.regs[i].entry = i
	}
	return t
}

func (t *tracker) clone() *tracker {
	other := *t
	return &other
}

// join merges the state of another path that leads here. A constant from one path is kept: the other path may never arrive here, if it
// follows a call that does not return.
func (t *tracker) join(other *tracker) {
	for i := range t.regs {
		t.regs[i] = t.regs[i].or(other.regs[i])
	}
	t.stack = t.stack.or(other.stack)
}

func (v value) or(w value) value {
	for _, number := range w.numbers {
		if len(v.numbers) < maxValues && !slices.Contains(v.numbers, number) {
			v.numbers = append(v.numbers[:len(v.numbers):len(v.numbers)], number)
		}
	}
	if v.entry == unknownEntry || w.entry == noEntry {
		v.entry = w.entry
	}
	return v
}

// value returns the possible values of a register; for AX also the word at the stack pointer, unless AX was loaded with a constant.
func (t *tracker) value(register int) value {
	v := t.regs[register]
	if register == regAX && v.entry != noEntry {
		v.numbers = append(v.numbers[:len(v.numbers):len(v.numbers)], t.stack.numbers...)
	}
	return v
}

func (v value) with(number uint32) value {
	if len(v.numbers) < maxValues {
		v.numbers = append(v.numbers[:len(v.numbers):len(v.numbers)], int(number))
	}
	v.entry = noEntry
	return v
}

// step applies the effect of one instruction to the registers.
func (t *tracker) step(in instruction) {
	rm, reg := int(in.modrm&7|in.rex&1<<3), int(in.modrm>>3&7|in.rex&4<<1)
	low := int(in.opcode&7 | in.rex&1<<3)
	pushed := t.pushed
	t.pushed = value{entry: unknownEntry}
	if in.table != 0 {
		t.stepTwoBytes(in, reg)
		return
	}
	switch op := in.opcode; {
	case op >= 0xb8 && op <= 0xbf:
		t.regs[low] = t.regs[low].with(in.imm)
	case op == 0xc7 && !in.mem:
		t.regs[rm] = t.regs[rm].with(in.imm)
	case op == 0xc7 && in.modrm == 0x04: // the word at the stack pointer, where its SIB byte says so: Go before 1.17
		t.stack = t.stack.with(in.imm)
	case (op == 0x31 || op == 0x33) && !in.mem && rm == reg:
		t.regs[rm] = t.regs[rm].with(0)
	case op == 0x6a || op == 0x68:
		t.pushed = value{}.with(in.imm)
	case op >= 0x58 && op <= 0x5f:
		if afterCall>>low&1 != 0 { // the others are restored on the way out, and what a branch leads to behind it has them as they were
			t.unknown(low)
		}
		for _, number := range pushed.numbers {
			t.regs[low] = t.regs[low].with(uint32(number))
		}
	case op == 0x89 && !in.mem:
		t.regs[rm] = t.regs[reg]
	case op == 0x8b && !in.mem:
		t.regs[reg] = t.regs[rm]
	case op == 0xe8, op == 0xff && in.modrm>>3&7 == 2:
		t.destroy(afterCall)
		t.stack = value{entry: unknownEntry}
	case writesRM(op, in.modrm>>3&7):
		if !in.mem {
			t.unknown(rm)
		}
	case writesReg(op):
		t.unknown(reg)
	}
}

func (t *tracker) stepTwoBytes(in instruction, reg int) {
	switch {
	case in.table == 1 && in.opcode == 0x05:
		t.destroy(1<<regAX | 1<<regCX | 1<<11)
	case in.table == 1 && in.opcode >= 0x40 && in.opcode <= 0x4f && !in.mem: // a conditional move: either
		rm := int(in.modrm&7 | in.rex&1<<3)
		t.regs[reg].numbers = append(t.regs[reg].numbers[:len(t.regs[reg].numbers):len(t.regs[reg].numbers)], t.regs[rm].numbers...)
		if t.regs[reg].entry == noEntry {
			t.regs[reg].entry = t.regs[rm].entry
		}
	case in.table == 1 && (in.opcode == 0xb6 || in.opcode == 0xb7 || in.opcode == 0xbe || in.opcode == 0xbf || in.opcode == 0xaf):
		t.unknown(reg)
	}
}

func (t *tracker) unknown(reg int) { t.regs[reg] = value{entry: unknownEntry} }

func (t *tracker) destroy(set int) {
	for i := range t.regs {
		if set>>i&1 != 0 {
			t.unknown(i)
		}
	}
}

// writesRM reports whether a one-byte opcode writes to the operand in the last field of its ModRM byte; group is the middle field.
func writesRM(op, group byte) bool {
	switch op {
	case 0x81, 0x83:
		return group != 7 // compares
	case 0xf7:
		return group == 2 || group == 3
	case 0xff:
		return group < 2
	case 0x8f, 0xc1, 0xd1, 0xd3:
		return true
	}
	return op < 0x38 && op&7 == 1
}

// writesReg reports whether a one-byte opcode writes to the register in its ModRM byte's middle field.
func writesReg(op byte) bool {
	return op < 0x38 && op&7 == 3 || op == 0x63 || op == 0x69 || op == 0x6b || op == 0x8b || op == 0x8d
}
