package elf

import (
	"debug/elf"
	"io"
	"maps"
	"slices"
	"strings"
)

// Bounds of the search through code.
const (
	maxCode      = 1 << 30   // bytes looked at, all passes together
	codeChunk    = 1 << 20   // bytes read at a time
	codeOverlap  = 16        // bytes of a chunk that the next one begins with: the longest pattern
	maxSites     = 4096      // places of one pass
	maxTargets   = 1 << 21   // addresses that branches lead to
	maxFunction  = 64 << 10  // bytes from a function's begin to a place in it
	maxTraced    = 32 << 20  // bytes of functions read to see what a register holds
	maxLevels    = 6         // depth of functions that pass a number on to each other
	maxNumber    = 1024      // no system call has a higher one on the machines that are known here
	blindWindow  = 160       // bytes before a place whose function is not known
	callFunction = "syscall" // the function of the C library that makes any system call (syscall(2))
)

// Code lists the system calls that a file's own instructions make, beside those made by the functions it imports from the C library.
type Code struct {
	// Numbers are the numbers of system calls that it loads before a system call instruction, or before it calls syscall(), sorted.
	Numbers []int
	// Open is set if the file may make system calls whose numbers cannot be read from its code.
	Open bool
}

// ReadCode searches the code of the ELF file of size bytes in r. The result for the C library itself is empty: its system calls are
// counted for the files that import its functions. The errors are those of Read.
func ReadCode(r io.ReaderAt, size int64) (Code, error) {
	m, _, err := open(r, size)
	if err != nil || libc(m.file.Soname) {
		return Code{}, err
	}
	own := m.machine()
	imports := m.callSymbol > 0
	if own == nil {
		return Code{Open: imports || m.file.Static}, nil
	}
	c := &codeScan{image: m, own: own, golang: m.isGo(), budget: maxCode, traced: maxTraced}
	c.numbers, c.seen = map[int]bool{}, map[uint64]bool{}
	c.unwind, _ = m.unwindTable()
	slots := c.slots()
	marks := c.marks(slots)
	sites := c.stubCallers(marks)
	c.open = c.open || imports && len(sites) == 0 || m.file.Static && len(marks.calls) == 0
	for _, at := range marks.calls {
		sites = append(sites, site{at, own.register()})
	}
	c.resolve(sites)
	return Code{Numbers: slices.Sorted(maps.Keys(c.numbers)), Open: c.open || c.budget <= 0 || c.traced <= 0}, nil
}

// libc reports whether a file is the C library itself, or a part of it.
func libc(soname string) bool {
	name, _, _ := strings.Cut(soname, ".so")
	return slices.Contains([]string{"libc", "libpthread", "librt", "libdl", "libm", "libresolv"}, name) ||
		strings.HasPrefix(name, "ld-") || strings.HasPrefix(name, "libc.musl-")
}

// machine is the architecture-specific part of the search.
type machine interface {
	// register holds the number for the kernel, argument the first argument of a C function, spilled that of a Go function.
	register() int
	argument() int
	spilled() int
	// mark finds system call instructions, and uses of the addresses in slots, in code that is loaded at an address.
	mark(code []byte, addr uint64, slots map[uint64]bool, found *marks)
	// branches calls visit for direct calls and jumps.
	branches(code []byte, addr uint64, visit func(from, to uint64))
	// slices calls visit for addresses that code loads, with the constants loaded near them: a string and its length.
	slices(code []byte, addr uint64, visit func(addr, size uint64))
	// indirect calls visit for calls through pointers.
	indirect(code []byte, addr uint64, visit func(at uint64))
	// trace returns the possible values of a register before the instruction at an offset of code, which begins with a function. It
	// returns false if no instruction begins there.
	trace(code []byte, at, register int) (value, bool)
	// agree does the same if the instruction boundaries before the offset are not known.
	agree(code []byte, at, register int) (value, bool)
}

func (m *image) machine() machine {
	switch {
	case m.file.Machine == elf.EM_X86_64 && m.wide:
		return x86{}
	case m.file.Machine == elf.EM_AARCH64 && m.wide && !m.file.BigEndian:
		return arm64{}
	}
	return nil
}

// marks are places of code, by address.
type marks struct {
	calls   []uint64 // system call instructions, or bytes that look like one
	stubs   []uint64 // that jump to syscall()
	direct  []uint64 // calls of syscall() through its slot
	pointer bool     // the address of syscall() is taken
}

// site is a place where a register holds the number of a system call.
type site struct {
	at       uint64
	register int
}

// codeScan is the search through one file.
type codeScan struct {
	*image
	own     machine
	golang  bool
	unwind  unwindTable
	budget  int64
	traced  int64
	numbers map[int]bool
	open    bool
	seen    map[uint64]bool // functions that hand a number on
}

// resolve finds the numbers at sites. If a function gets the number from its caller, the calls of that function are the next sites.
//
// A Go program is never open: its runtime has one place that takes the number from memory (runtime.runPerThreadSyscall), put there by a
// function whose callers are found. In other programs, a number of unknown origin may be any number.
func (c *codeScan) resolve(sites []site) {
	for range maxLevels {
		if len(sites) == 0 {
			return
		}
		if len(sites) > maxSites {
			break
		}
		functions := c.functions(sites)
		carriers := map[uint64]int{}
		for _, s := range sites {
			if v, ok := c.valueAt(s, functions[s.at]); ok {
				c.learn(v, functions[s.at], carriers)
			}
		}
		sites = c.callers(carriers)
	}
	c.open = c.open || len(sites) > 0 && !c.golang
}

// function is the start of the function that contains a site.
type function struct {
	start uint64
	known bool
	// guess is set if the file describes its functions but none of them contains the site: the site is data between functions, or code
	// without a description.
	guess bool
}

// learn records the value found at a site.
func (c *codeScan) learn(v value, f function, carriers map[uint64]int) {
	for _, number := range v.numbers {
		if number >= 0 && number < maxNumber {
			c.numbers[number] = true
		}
	}
	switch {
	case v.entry == noEntry:
	case !f.known:
		c.open = c.open || !c.golang && !f.guess
	case c.seen[f.start]:
	case v.entry >= 0:
		c.seen[f.start], carriers[f.start] = true, v.entry
	case c.golang: // written to the stack and read again
		c.seen[f.start], carriers[f.start] = true, c.own.spilled()
	default:
		c.open = c.open || !f.guess
	}
}

// valueAt reads the code before a site to find the value of its register.
func (c *codeScan) valueAt(s site, f function) (value, bool) {
	start := f.start
	if !f.known {
		start = c.blindStart(s.at)
	}
	if c.traced -= int64(s.at - start); c.traced <= 0 {
		return value{}, false
	}
	off, ok := c.fileOffset(start)
	if !ok {
		return value{}, false
	}
	code, err := c.bytesAt(off, min(s.at-start+codeOverlap, uint64(c.size)-off), "code")
	if err != nil {
		return value{}, false
	}
	if !f.known {
		return c.own.agree(code, int(s.at-start), s.register)
	}
	return c.own.trace(code, int(s.at-start), s.register)
}

// blindStart returns where to start reading if the function of an address is not known: a little before it, in the same segment.
func (c *codeScan) blindStart(at uint64) uint64 {
	for _, p := range c.progs {
		if p.typ == elf.PT_LOAD && at >= p.vaddr && at-p.vaddr < p.filesz {
			return max(p.vaddr, at-min(at, blindWindow))
		}
	}
	return at
}

// callers returns the calls of functions, each with the register that passes the number on. A function without a direct call is called
// through a pointer: by another file if it is exported, else by one of the file's calls through pointers.
func (c *codeScan) callers(carriers map[uint64]int) []site {
	sites, called := c.callsOf(carriers)
	if c.golang || len(called) == len(carriers) {
		return sites
	}
	exported := c.exported()
	for start, register := range carriers {
		if !called[start] {
			c.open = c.open || exported[start] || !c.pointers(register)
		}
	}
	return sites
}

// exported are the addresses of the functions that other files may call.
func (c *codeScan) exported() map[uint64]bool {
	found := map[uint64]bool{}
	c.eachSymbol(c.tags, func(_ int, s symbol) bool {
		if s.section != elf.SHN_UNDEF {
			found[s.value] = true
		}
		return true
	})
	return found
}

// pointers records the numbers passed in a register to functions called through pointers. It returns false if it finds none, or too
// many calls.
func (c *codeScan) pointers(register int) bool {
	var sites []site
	c.eachChunk(func(code []byte, addr uint64) {
		c.own.indirect(code, addr, func(at uint64) {
			if len(sites) <= maxSites {
				sites = append(sites, site{at, register})
			}
		})
	})
	if len(sites) > maxSites {
		return false
	}
	functions, any := c.functions(sites), false
	for _, s := range sites {
		if v, ok := c.valueAt(s, functions[s.at]); ok && v.entry == noEntry {
			any = true
			c.learn(v, function{}, nil)
		}
	}
	return any
}

// callsOf finds the calls of functions, and reports which of the functions are called.
func (c *codeScan) callsOf(functions map[uint64]int) (sites []site, called map[uint64]bool) {
	if len(functions) == 0 {
		return nil, nil
	}
	called = map[uint64]bool{}
	c.eachBranch(func(from, to uint64) {
		if register, ok := functions[to]; ok && len(sites) <= maxSites {
			called[to] = true
			sites = append(sites, site{from, register})
		}
	})
	return sites, called
}

// stubCallers are the calls of syscall().
func (c *codeScan) stubCallers(found marks) []site {
	c.open = c.open || found.pointer
	stubs := map[uint64]int{}
	for _, stub := range found.stubs {
		stubs[stub] = c.own.argument()
	}
	sites, _ := c.callsOf(stubs)
	for _, at := range found.direct {
		sites = append(sites, site{at, c.own.argument()})
	}
	return sites
}

// functions finds the start of the function of each site: from the unwind table, else the last call target before the site.
func (c *codeScan) functions(sites []site) map[uint64]function {
	found := map[uint64]function{}
	var rest []uint64
	for _, s := range sites {
		start, ok := c.unwind.find(c.image, s.at)
		if ok && s.at-start < maxFunction {
			found[s.at] = function{start: start, known: true}
		} else {
			found[s.at] = function{guess: c.unwind.entries.size > 0}
			rest = append(rest, s.at)
		}
	}
	if len(rest) == 0 {
		return found
	}
	slices.Sort(rest)
	for at, start := range c.targets(rest) {
		found[at] = function{start: start, known: true, guess: found[at].guess}
	}
	return found
}

// targets finds, for each of the sorted addresses, the last one before it that a call or jump leads to.
func (c *codeScan) targets(addrs []uint64) map[uint64]uint64 {
	var targets []uint64
	c.eachBranch(func(_, to uint64) {
		i, _ := slices.BinarySearch(addrs, to)
		if i < len(addrs) && addrs[i]-to < maxFunction && len(targets) < maxTargets {
			targets = append(targets, to)
		}
	})
	c.open = c.open || len(targets) >= maxTargets
	slices.Sort(targets)
	found := map[uint64]uint64{}
	for _, at := range addrs {
		i, exact := slices.BinarySearch(targets, at)
		if !exact {
			i--
		}
		if i >= 0 && i < len(targets) && at-targets[i] < maxFunction {
			found[at] = targets[i]
		}
	}
	return found
}

// marks makes the first pass over the code.
func (c *codeScan) marks(slots map[uint64]bool) marks {
	var found marks
	c.eachChunk(func(code []byte, addr uint64) {
		if len(found.calls) < maxSites {
			c.own.mark(code, addr, slots, &found)
		}
	})
	slices.Sort(found.calls)
	found.calls = slices.Compact(found.calls)
	c.open = c.open || len(found.calls) >= maxSites
	return found
}

func (c *codeScan) eachBranch(visit func(from, to uint64)) {
	c.eachChunk(func(code []byte, addr uint64) { c.own.branches(code, addr, visit) })
}

// eachChunk reads the executable segments, one chunk overlapping the next.
func (c *codeScan) eachChunk(visit func(code []byte, addr uint64)) { c.each(elf.PF_X, visit) }

// each reads the segments that are executable, or that are not.
func (c *codeScan) each(executable elf.ProgFlag, visit func(code []byte, addr uint64)) {
	buf := make([]byte, min(codeChunk, c.size))
	for _, p := range c.progs {
		if p.typ != elf.PT_LOAD || p.flags&elf.PF_X != executable || p.off > uint64(c.size) {
			continue
		}
		size := min(p.filesz, uint64(c.size)-p.off)
		for at := uint64(0); at < size && c.budget > 0; at += codeChunk - codeOverlap {
			part := buf[:min(codeChunk, size-at)]
			if _, err := c.r.ReadAt(part, int64(p.off+at)); err != nil && err != io.EOF {
				return
			}
			c.budget -= int64(len(part))
			visit(part, p.vaddr+at)
		}
	}
}
