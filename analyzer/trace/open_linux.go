package trace

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

func itoa(n int) string { return strconv.Itoa(n) }

// openFlags holds the parts of an open's flags that the tracer uses.
type openFlags struct {
	read, write, create, exclusive, nofollow, path, temporary bool
	resolve                                                   uint64 // RESOLVE_ of openat2
}

func (t *tracer) openFlags(tk *task, c call, args [6]uint64) openFlags {
	var flags, resolve uint64
	switch c.kind {
	case kindCreat:
		flags = unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC
	case kindOpen2:
		// struct open_how (linux/openat2.h): flags, mode, resolve.
		words, err := readWords(tk.tid, args[2], 3, true)
		if err != nil {
			return openFlags{read: true}
		}
		flags, resolve = words[0], words[2]
	default:
		flags = args[c.flags]
	}
	access := flags & unix.O_ACCMODE
	return openFlags{
		read:      access != unix.O_WRONLY,
		write:     access != unix.O_RDONLY || flags&unix.O_TRUNC != 0,
		create:    flags&unix.O_CREAT != 0,
		exclusive: flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL,
		nofollow:  flags&unix.O_NOFOLLOW != 0,
		path:      flags&unix.O_PATH != 0,
		temporary: flags&unix.O_TMPFILE == unix.O_TMPFILE,
		resolve:   resolve,
	}
}

// open records an open. It waits for the result where a later call may name the descriptor, or the kernel may refuse the open.
func (t *tracer) open(tk *task, f found, flags openFlags) {
	if f.missing {
		if flags.create && f.errno == unix.ENOENT {
			t.create(tk, f)
			return
		}
		t.rec.miss(tk.proc, f, analyzer.OpOpen)
		return
	}
	ops := openOps(f, flags)
	if tk.proc.uid == 0 && !tk.proc.blind && flags.resolve == 0 {
		t.rec.use(tk.proc, f, ops...)
		return
	}
	tk.pending = func(result int64) {
		if t.outcome(tk, f, result, ops...) {
			tk.proc.fds[int(result)] = f.path
		}
	}
}

func openOps(f found, flags openFlags) []analyzer.Op {
	switch {
	case flags.exclusive || flags.path:
		return []analyzer.Op{analyzer.OpStat}
	case flags.temporary:
		return []analyzer.Op{analyzer.OpWrite} // of the directory, in which it needs no name
	case flags.write && flags.read && !f.dir():
		return []analyzer.Op{analyzer.OpOpen, analyzer.OpWrite}
	case flags.write && !f.dir():
		return []analyzer.Op{analyzer.OpWrite}
	}
	return []analyzer.Op{analyzer.OpOpen}
}

// exec remembers an execve until it has succeeded.
func (t *tracer) exec(tk *task, f found, args [6]uint64, c call, wide bool) {
	if f.missing {
		t.rec.miss(tk.proc, f, analyzer.OpExec)
		return
	}
	if closedTo(t.confine, f.path) && t.refuse(tk, unix.EACCES) {
		f.errno = unix.EACCES
		t.rec.miss(tk.proc, f, analyzer.OpExec)
		return
	}
	index := 1
	if c.dir >= 0 {
		index = 2
	}
	tk.exec = &execution{path: f.path, hops: f.hops, argv: readArgv(tk.tid, args[index], wide)}
	if privileged(tk.proc, f) {
		t.rec.privilegedExec(f.path)
	}
	t.rec.use(tk.proc, f, analyzer.OpStat)
}

// privileged reports whether tracing takes privileges from the program: it has a setuid or setgid bit, or file capabilities, and the
// process does not have those privileges yet. With no_new_privs it gains none; without, it gains them only where the tracer has
// CAP_SYS_PTRACE (security/commoncap.c, cap_bprm_creds_from_file).
func privileged(p *process, f found) bool {
	var stat unix.Stat_t
	if unix.Lstat(f.path, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	if stat.Mode&unix.S_ISUID != 0 && stat.Uid != p.uid || stat.Mode&unix.S_ISGID != 0 && stat.Mode&0o010 != 0 && stat.Gid != p.gid {
		return true
	}
	var value [64]byte
	n, err := unix.Lgetxattr(f.path, "security.capability", value[:])
	return err == nil && n > 0 && p.uid != 0
}

// socket records the other end of a connect, and the path a socket is bound to.
func (t *tracer) socket(tk *task, k kind, fd int, addr, size uint64) error {
	buf := make([]byte, min(size, 128))
	if len(buf) < 2 {
		return nil
	}
	n, err := readMemory(tk.tid, addr, buf)
	for n < len(buf) && err == nil {
		var more int
		if more, err = readMemory(tk.tid, addr+uint64(n), buf[n:]); more == 0 {
			break
		}
		n += more
	}
	buf = buf[:n]
	if len(buf) < 2 {
		return err
	}
	switch binary.NativeEndian.Uint16(buf) {
	case unix.AF_UNIX:
		t.unixSocket(tk, k, buf[2:])
	case unix.AF_INET:
		if k == kindBind && len(buf) >= 4 {
			t.lowPort(tk.proc, buf[2:4])
		}
		if k == kindBind && len(buf) >= 8 {
			t.binds(tk, fd, netip.AddrFrom4([4]byte(buf[4:8])), binary.BigEndian.Uint16(buf[2:]))
		}
		if k == kindConnect && len(buf) >= 8 {
			t.rec.peer(netip.AddrFrom4([4]byte(buf[4:8])), binary.BigEndian.Uint16(buf[2:]))
		}
	case unix.AF_INET6:
		if k == kindBind && len(buf) >= 4 {
			t.lowPort(tk.proc, buf[2:4])
		}
		if k == kindBind && len(buf) >= 24 {
			t.binds(tk, fd, netip.AddrFrom16([16]byte(buf[8:24])), binary.BigEndian.Uint16(buf[2:]))
		}
		if k == kindConnect && len(buf) >= 24 {
			t.rec.peer(netip.AddrFrom16([16]byte(buf[8:24])).Unmap(), binary.BigEndian.Uint16(buf[2:]))
		}
	}
	return nil
}

func (t *tracer) unixSocket(tk *task, k kind, name []byte) {
	if len(name) == 0 || name[0] == 0 {
		return // unnamed or abstract: no path
	}
	for i, b := range name {
		if b == 0 {
			name = name[:i]
			break
		}
	}
	dir := t.directory(tk, unix.AT_FDCWD)
	if dir == "" {
		return
	}
	f := t.resolve(tk, tk.proc.root, dir, string(name), true)
	if k == kindBind {
		t.pathPowers(tk.proc, call{kind: kindBind}, f, openFlags{}, [6]uint64{})
		t.create(tk, f)
		return
	}
	if f.missing {
		t.rec.miss(tk.proc, f, analyzer.OpConnect)
		return
	}
	t.rec.use(tk.proc, f, analyzer.OpConnect)
}

// Numbers of the calls behind socketcall(2) (linux/net.h).
const (
	sysSocket  = 1
	sysBind    = 2
	sysConnect = 3
	sysListen  = 4
	sysAccept  = 5
	sysAccept4 = 18
)

func (t *tracer) socketcall(tk *task, args [6]uint64) error {
	words, err := readWords(tk.tid, args[1], 3, false)
	if err != nil {
		return err
	}
	switch args[0] {
	case sysSocket:
		t.ask(tk, calls["socket"], [6]uint64{words[0], words[1]})
	case sysListen:
		t.listens(tk, int(int32(words[0])))
	case sysAccept, sysAccept4:
		t.accept(tk)
	case sysBind:
		t.own(tk, int(int32(words[0])))
		return t.socket(tk, kindBind, int(int32(words[0])), words[1], words[2])
	case sysConnect:
		return t.socket(tk, kindConnect, int(int32(words[0])), words[1], words[2])
	}
	return nil
}
