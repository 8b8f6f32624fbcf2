package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// process is what the threads of a process share.
type process struct {
	// recent caches the directory descriptor that was looked up last: a program uses one many times in a row. A call that may give
	// the number to another file (an open, a dup) clears it.
	recent struct {
		fd   int
		name string
	}
	pid    int
	exe    string // physical path, "" before the first exec
	argv   []string
	by     string // the program that started it
	role   analyzer.Role
	from   uint32 // effective user id at its start
	uid    uint32 // effective
	gid    uint32
	groups []uint32
	// mayReturn says that one of its user ids is 0: it may become root again at any time.
	mayReturn bool
	execs     bool // its execve has succeeded and the new program is about to run
	listens   bool
	serving   bool // it or a process that it was forked from has accepted a connection
	cwd       string
	root      string
	fds       map[int]string         // directories and other opened paths, kept where /proc cannot be asked
	bound     map[int]netip.AddrPort // addresses of its sockets by descriptor
	blind     bool                   // /proc/PID/{cwd,fd} are refused: another user without CAP_SYS_PTRACE
	sealed    bool                   // its memory is, too, and stayed so
	peak      int64
}

// bind remembers the address of a descriptor.
func (p *process) bind(fd int, addr netip.AddrPort) {
	if p.bound == nil {
		p.bound = map[int]netip.AddrPort{}
	}
	p.bound[fd] = addr
}

// fork copies what a child process starts with.
func (p *process) fork(pid int) *process {
	child := *p
	child.pid, child.by, child.from = pid, p.exe, p.uid
	child.listens = false
	if p.role == analyzer.RoleMain {
		child.role = ""
	}
	child.bound = maps.Clone(p.bound)
	child.fds = make(map[int]string, len(p.fds))
	for fd, name := range p.fds {
		child.fds[fd] = name
	}
	return &child
}

// task is one thread under trace.
type task struct {
	tid     int
	proc    *process
	pending func(result int64) // waits for the call's result
	exec    *execution         // an execve under way
	started bool               // it has been continued once
	near    nearness
	still   bool // it is stopped for good
	opening bool // the call that begins is made for the second time, with the memory opened
}

// execution is an execve that may or may not succeed.
type execution struct {
	path string
	hops []string
	argv []string
}

// syscallInfo is struct ptrace_syscall_info (linux/ptrace.h) for entry and seccomp stops; of an exit stop, number is the
// result and args[0] says whether it is an error.
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	_, _   uint64 // instruction and stack pointer
	number uint64
	args   [6]uint64
	_      uint32
	_      uint32
}

func getSyscallInfo(tid int) (syscallInfo, error) {
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid), unsafe.Sizeof(info),
		uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return info, errno
	}
	return info, nil
}

// readString reads a NUL-terminated string of a tracee, at most limit bytes: with process_vm_readv(2) and, where that is
// refused (another user, no CAP_SYS_PTRACE), word by word with PTRACE_PEEKDATA, which a tracer may always do.
func readString(tid int, addr uint64, limit int) (string, error) {
	if addr == 0 {
		return "", unix.EFAULT
	}
	var out []byte
	buf := make([]byte, 256)
	for len(out) < limit {
		size := len(buf)
		if page := 4096 - int(addr%4096); page < size {
			size = page // a read that begins in a mapped page must not end in an unmapped one
		}
		n, err := readMemory(tid, addr, buf[:size])
		if n == 0 {
			return "", err
		}
		if i := bytes.IndexByte(buf[:n], 0); i >= 0 {
			return string(append(out, buf[:i]...)), nil
		}
		out = append(out, buf[:n]...)
		addr += uint64(n)
	}
	return "", unix.ENAMETOOLONG
}

func readMemory(tid int, addr uint64, buf []byte) (int, error) {
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(len(buf))
	n, err := unix.ProcessVMReadv(tid, local, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(buf)}}, 0)
	if err == nil && n > 0 {
		return n, nil
	}
	if len(buf) > 64 {
		buf = buf[:64]
	}
	peeked, peekErr := unix.PtracePeekData(tid, uintptr(addr), buf)
	if peeked == 0 && errors.Is(err, unix.EPERM) {
		return 0, errClosed
	}
	return peeked, peekErr
}

// readWords reads n machine words of a tracee.
func readWords(tid int, addr uint64, n int, wide bool) ([]uint64, error) {
	size := 4
	if wide {
		size = 8
	}
	buf := make([]byte, n*size)
	for at := 0; at < len(buf); {
		got, err := readMemory(tid, addr+uint64(at), buf[at:])
		if got == 0 {
			return nil, err
		}
		at += got
	}
	words := make([]uint64, n)
	for i := range words {
		if wide {
			words[i] = binary.NativeEndian.Uint64(buf[i*8:])
		} else {
			words[i] = uint64(binary.NativeEndian.Uint32(buf[i*4:]))
		}
	}
	return words, nil
}

// Bounds of a recorded argument vector.
const (
	maxArgs = 64
	maxArg  = 1024
)

func readArgv(tid int, addr uint64, wide bool) []string {
	var argv []string
	size := uint64(4)
	if wide {
		size = 8
	}
	for i := 0; addr != 0 && i < maxArgs; i++ {
		words, err := readWords(tid, addr+uint64(i)*size, 1, wide)
		if err != nil || words[0] == 0 {
			break
		}
		arg, err := readString(tid, words[0], maxArg)
		if err != nil {
			arg = "..."
		}
		argv = append(argv, arg)
	}
	return argv
}

// refresh reads the ids of a process; /proc/PID/status is open to everyone.
func (p *process) refresh() {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return
	}
	for _, line := range strings.Split(string(data), "\n") {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case key == "Uid" && len(fields) > 1:
			p.uid = number(fields[1])
			p.mayReturn = slices.Contains(fields, "0")
		case key == "Gid" && len(fields) > 1:
			p.gid = number(fields[1])
		case key == "Groups":
			p.groups = nil
			for _, field := range fields {
				p.groups = append(p.groups, number(field))
			}
		case key == "VmHWM" && len(fields) > 0:
			p.peak = int64(number(fields[0])) << 10
		}
	}
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

// open says whether /proc may be asked for the working directory and the descriptors of a process.
func (p *process) open() bool {
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid))
	return err == nil
}

// snapshot reads the working directory and the open descriptors, while /proc may still be asked.
func (p *process) snapshot() {
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", p.pid)); err == nil {
		p.cwd = cwd
	} else {
		p.blind = true
		return
	}
	dir := fmt.Sprintf("/proc/%d/fd", p.pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		p.blind = true
		return
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if target, err := os.Readlink(dir + "/" + entry.Name()); err == nil && strings.HasPrefix(target, "/") {
			p.fds[fd] = target
		}
	}
}

// descriptor is the path an open descriptor stands for, "" where it is unknown or no path.
func (p *process) descriptor(fd int) string {
	if fd == unix.AT_FDCWD {
		return p.cwd
	}
	if !p.blind {
		if p.recent.name != "" && p.recent.fd == fd {
			return p.recent.name
		}
		target, err := os.Readlink("/proc/" + strconv.Itoa(p.pid) + "/fd/" + strconv.Itoa(fd))
		if err == nil {
			if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "/memfd:") {
				p.recent.fd, p.recent.name = fd, strings.TrimSuffix(target, " (deleted)")
				return p.recent.name
			}
			return ""
		}
	}
	return p.fds[fd]
}
