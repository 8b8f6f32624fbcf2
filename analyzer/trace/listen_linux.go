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
	"slices"
	"strconv"
	"strings"

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
	uid   string // of who made it, "" where it is not told
}

// Listening lists the sockets that the traced processes listen on, sorted. Other processes may share the network, and their sockets do
// not count; where only the first process is known, all sockets count.
func (s *Session) Listening() ([]analyzer.Socket, error) {
	found, err := listeners()
	if err != nil {
		return nil, err
	}
	if s.tracer.mode != modeBare {
		found = s.ownAmong(found)
	}
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
		o := s.tracer.owners()
		for _, l := range found {
			if o.owns(l) {
				own[l.inode] = true
			}
		}
	}
	s.sockets = own
	return slices.DeleteFunc(found, func(l listener) bool { return !own[l.inode] })
}

// owners finds the sockets of some processes: by inode, by the address that they bound, and by user where this process may not read a process's descriptors.
type owners struct {
	inodes, users map[string]bool
	bound         map[netip.AddrPort]bool
}

func (t *tracer) owners() owners {
	o := owners{maps.Clone(t.sockets), map[string]bool{}, t.bound}
	for _, p := range t.processes() {
		dir := fmt.Sprintf("/proc/%d/fd/", p.pid)
		entries, err := os.ReadDir(dir)
		for _, entry := range entries {
			var target string
			if target, err = os.Readlink(dir + entry.Name()); errors.Is(err, os.ErrPermission) {
				break // root may list what it may not look at
			}
			if inode, ok := socketInode(target); ok {
				o.inodes[inode] = true
			}
		}
		if errors.Is(err, os.ErrPermission) {
			o.users[strconv.FormatUint(uint64(p.uid), 10)] = true
		}
	}
	return o
}

func (o owners) owns(l listener) bool {
	if addr, err := netip.ParseAddr(l.Address); err == nil && o.bound[netip.AddrPortFrom(addr.Unmap(), uint16(l.Port))] {
		return true
	}
	return o.inodes[l.inode] || o.users[l.uid] || l.uid == "" && len(o.users) > 0
}

// maxSockets bounds what is remembered of sockets.
const maxSockets = 1 << 16

// listens notes that a process listens on a descriptor.
func (t *tracer) listens(tk *task, fd int) {
	tk.proc.listens = true
	t.own(tk, fd)
}

// own remembers the socket of a descriptor. A process that changes its user afterwards no longer lets its descriptors be read
// (proc(5), PR_SET_DUMPABLE), and its socket is still its former user's.
func (t *tracer) own(tk *task, fd int) {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tk.tid, fd))
	if err != nil || len(t.sockets) == maxSockets {
		return
	}
	if inode, ok := socketInode(target); ok {
		t.sockets[inode] = true
	}
}

// binds notes the address that a process binds a socket to, if the call succeeds: of a process that acts as another user, neither the
// descriptors nor the socket's user tell whose it is.
func (t *tracer) binds(tk *task, addr netip.Addr, port uint16) {
	if port == 0 || tk.pending != nil || len(t.bound) == maxSockets {
		return
	}
	tk.pending = func(result int64) {
		if result == 0 {
			t.bound[netip.AddrPortFrom(addr.Unmap().WithZone(""), port)] = true
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
	o := t.owners()
	found, err := listeners()
	var sockets []analyzer.Socket
	for _, l := range found {
		if !probe.Ephemeral(l.Port) && o.owns(l) {
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
				sockets = append(sockets, listener{analyzer.Socket{Network: table.network, Address: addr, Port: port}, f[9], f[7]})
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
			sockets = append(sockets, listener{analyzer.Socket{Network: "unix", Path: layers.CleanPath(f[7])}, f[6], ""})
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
