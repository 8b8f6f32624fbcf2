package trace

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/probe"
	"github.com/slimimage/slim/layers"
)

// Socket states in /proc/net (include/net/tcp_states.h): a TCP socket that listens, a UDP socket that is bound and not
// connected. unixListens is __SO_ACCEPTCON of /proc/net/unix (linux/net.h).
const (
	tcpListens  = "0A"
	udpBound    = "07"
	unixListens = 0x10000
)

// listener is a socket that is listened on, and its inode.
type listener struct {
	analyzer.Socket
	inode string
}

// Listening lists the sockets that the traced processes listen on, sorted. Other processes may share the network, and their sockets do not
// count: a socket is the application's only if a traced process has it, or bound it or listened on it before. In a bare run only the
// first process is traced.
func (s *Session) Listening() ([]analyzer.Socket, error) {
	found, err := listeners()
	if err != nil {
		return nil, err
	}
	found = s.ownAmong(found)
	sockets := make([]analyzer.Socket, len(found))
	for i, l := range found {
		sockets[i] = l.Socket
	}
	slices.SortFunc(sockets, func(a, b analyzer.Socket) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return slices.Compact(sockets), nil
}

// ownAmong keeps only the sockets of traced processes. It inspects the processes only for a socket that is not yet known to be theirs.
func (s *Session) ownAmong(found []listener) []listener {
	s.events.Lock()
	defer s.events.Unlock()
	own := map[string]bool{}
	for _, l := range found {
		if s.sockets[l.inode] {
			own[l.inode] = true
		}
	}
	if len(own) < len(found) {
		o := s.tracer.owned(found)
		for _, l := range found {
			if o[l.inode] {
				own[l.inode] = true
			}
		}
	}
	s.sockets = own
	others := slices.Clone(found)
	others = slices.DeleteFunc(others, func(l listener) bool { return own[l.inode] })
	return slices.DeleteFunc(found, func(l listener) bool { return !own[l.inode] || l.shared(others) })
}

// shared reports whether a socket listens on every address of IPv6 while another's has the same port of IPv4. The application must have
// opened it for IPv6 only, and a probe of the port over IPv4 would reach the other.
func (l listener) shared(others []listener) bool {
	return l.Address == "::" && slices.ContainsFunc(others, func(other listener) bool {
		return other.Network == l.Network && other.Port == l.Port && !strings.Contains(other.Address, ":")
	})
}

// owned are the inodes, of those found, of the sockets that the traced processes have, bound or listened on. The address tells it for TCP:
// listen succeeds only on a stream, and no other socket has the address then. It does not for UDP, where a stream may have it as well.
func (t *tracer) owned(found []listener) map[string]bool {
	inodes := maps.Clone(t.sockets)
	for _, l := range found {
		if addr, err := netip.ParseAddr(l.Address); err == nil && l.Network == "tcp" &&
			t.served[netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(l.Port))] {
			inodes[l.inode] = true
		}
	}
	for _, p := range t.processes() {
		_ = asOwner(p.pid, func() error { return sockets(p.pid, inodes) })
	}
	return inodes
}

// sockets adds the inodes of a process's sockets.
func sockets(pid int, inodes map[string]bool) error {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		target, err := os.Readlink(dir + entry.Name())
		if errors.Is(err, os.ErrPermission) {
			return err // root may list what it may not look at
		}
		if inode, ok := socketInode(target); ok {
			inodes[inode] = true
		}
	}
	return nil
}

// asOwner calls read, and where that is not permitted once more as the user of the process. Without CAP_SYS_PTRACE the file system's user
// must be that of the process to see its descriptors, even for root and for its tracer (proc(5); ptrace(2), PTRACE_MODE_READ_FSCREDS).
// The change holds for this thread only (setfsuid(2)).
func asOwner(pid int, read func() error) error {
	err := read()
	if !errors.Is(err, os.ErrPermission) {
		return err
	}
	uid, gid, ok := ownerOf(pid)
	if !ok {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	oldGroup, _ := unix.SetfsgidRetGid(gid)
	oldUser, _ := unix.SetfsuidRetUid(uid)
	err = read()
	_, _ = unix.SetfsuidRetUid(oldUser)
	_, _ = unix.SetfsgidRetGid(oldGroup)
	return err
}

// ownerOf reads the effective user and group of a process.
func ownerOf(pid int) (uid, gid int, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, false
	}
	id := func(key string) (int, error) {
		_, rest, _ := strings.Cut(string(status), "\n"+key+":")
		words := strings.Fields(rest)
		if len(words) < 2 {
			return 0, os.ErrNotExist
		}
		return strconv.Atoi(words[1])
	}
	uid, err = id("Uid")
	gid, err2 := id("Gid")
	return uid, gid, err == nil && err2 == nil
}

// maxSockets bounds what is remembered of sockets.
const (
	maxSockets = 1 << 16
	maxBound   = 1 << 12 // of one process
)

// listens notes that a process listens on a descriptor.
func (t *tracer) listens(tk *task, fd int) {
	tk.proc.listens = true
	t.own(tk, fd)
	if addr, ok := tk.proc.bound[fd]; ok && tk.pending == nil && len(t.served) < maxSockets {
		tk.pending = func(result int64) {
			if result == 0 {
				t.served[addr] = true
			}
		}
	}
}

// own remembers the socket of a descriptor. A process that changes its user afterwards no longer lets its descriptors be read
// (proc(5), PR_SET_DUMPABLE), and its socket is still its former user's.
func (t *tracer) own(tk *task, fd int) {
	var target string
	err := asOwner(tk.tid, func() (err error) {
		target, err = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tk.tid, fd))
		return err
	})
	if err != nil || len(t.sockets) == maxSockets {
		return
	}
	if inode, ok := socketInode(target); ok {
		t.sockets[inode] = true
	}
}

// binds notes the address that a process binds a descriptor to, if the call succeeds: the descriptors of a process whose real and effective
// users differ can be read as neither of them.
func (t *tracer) binds(tk *task, fd int, addr netip.Addr, port uint16) {
	if p := tk.proc; port != 0 && tk.pending == nil && len(p.bound) < maxBound {
		tk.pending = func(result int64) {
			if result == 0 {
				p.bind(fd, netip.AddrPortFrom(addr.Unmap().WithZone(""), port))
			}
		}
	}
}

// socketInode reads "socket:[INODE]", the target of a socket's link in /proc/PID/fd.
func socketInode(target string) (string, bool) {
	inode, ok := strings.CutPrefix(target, "socket:[")
	return strings.TrimSuffix(inode, "]"), ok
}

// listening are the sockets that traced processes listen on, less the ports chosen by chance: a container's network may be shared with
// others, and Docker's name server listens in it.
func (t *tracer) listening() ([]analyzer.Socket, error) {
	found, err := listeners()
	own := t.owned(found)
	var sockets []analyzer.Socket
	for _, l := range found {
		if !probe.Ephemeral(l.Port) && own[l.inode] {
			sockets = append(sockets, l.Socket)
		}
	}
	return sockets, err
}

func listeners() ([]listener, error) {
	var sockets []listener
	for _, table := range []struct{ file, network, state string }{
		{"/proc/net/tcp", "tcp", tcpListens}, {"/proc/net/tcp6", "tcp", tcpListens}, {"/proc/net/udp", "udp", udpBound},
		{"/proc/net/udp6", "udp", udpBound},
	} {
		err := eachField(table.file, func(f []string) {
			if len(f) < 10 || f[3] != table.state {
				return
			}
			if addr, port, ok := hexAddress(f[1]); ok && port != 0 {
				sockets = append(sockets, listener{analyzer.Socket{Network: table.network, Address: addr, Port: port}, f[9]})
			}
		})
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	err := eachField("/proc/net/unix", func(f []string) {
		if len(f) < 8 || !strings.HasPrefix(f[7], "/") {
			return
		}
		if flags, err := strconv.ParseUint(f[3], 16, 32); err == nil && flags&unixListens != 0 {
			sockets = append(sockets, listener{analyzer.Socket{Network: "unix", Path: layers.CleanPath(f[7])}, f[6]})
		}
	})
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return sockets, nil
}

func eachField(name string, f func([]string)) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Scan() // the heading
	for lines.Scan() {
		f(strings.Fields(lines.Text()))
	}
	return lines.Err()
}

// hexAddress reads "0100007F:1F90": each 32-bit word of the address in the machine's order, the port as a number.
func hexAddress(s string) (string, int, bool) {
	host, portText, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	port, err2 := strconv.ParseUint(portText, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return "", 0, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return addr.Unmap().String(), int(port), true
}
