package trace

import (
	"encoding/binary"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// power records that a program used a privilege of root on something that belongs to a user.
func (r *recorder) power(p *process, capability string, on uint32) {
	if p.exe == "" || foreign(p.exe) || p.role == analyzer.RoleBeside {
		return
	}
	r.powers[analyzer.Power{Capability: capability, Exe: layers.CleanPath(p.exe), On: on, Serving: p.serving}] = true
}

// refuses reports whether the mode and the owner of a path deny access to a process of user 0 without capabilities: bits are 4 to read,
// 2 to write, 1 to search (path_resolution(7), Permissions).
func (n node) refuses(p *process, bits uint32) bool {
	mode := n.mode
	switch {
	case n.uid == 0:
		mode >>= 6
	case n.gid == p.gid || slices.Contains(p.groups, n.gid):
		mode >>= 3
	}
	return mode&bits != bits
}

// override records CAP_DAC_OVERRIDE where root accesses a path in a way that its mode and owner deny.
func (t *tracer) override(p *process, n node, bits uint32) {
	if n.refuses(p, bits) {
		t.rec.power(p, "CAP_DAC_OVERRIDE", n.uid)
	}
}

// pathPowers records the rights that root needs for a call on a path. open says how it is opened.
func (t *tracer) pathPowers(p *process, c call, f found, open openFlags, args [6]uint64) {
	if p.uid != 0 || p.role == analyzer.RoleBeside || foreign(f.path) || f.missing && f.errno != unix.ENOENT {
		return
	}
	above, err := t.walk.lookup(path.Dir(f.path))
	for dir, n := path.Dir(f.path), above; err == nil && dir != "/"; n, err = t.walk.lookup(dir) {
		t.override(p, n, 1)
		dir = path.Dir(dir)
	}
	n := node{mode: f.mode, uid: f.uid, gid: f.gid}
	switch c.kind {
	case kindOpen, kindOpen2, kindCreat:
		switch {
		case f.missing && open.create:
			t.override(p, above, 2)
		case !f.missing && !open.exclusive && !open.path:
			t.override(p, n, open.bits())
		}
	case kindCreate, kindSymlink, kindBind:
		if f.missing {
			t.override(p, above, 2)
		}
		t.deviceNode(p, c, args)
	case kindRemove, kindRename:
		t.override(p, above, 2)
	case kindChdir:
		t.override(p, n, 1)
	case kindChange:
		if !f.missing {
			t.change(p, c, n, args)
			t.walk.forget(f.path)
		}
	}
}

// bits are the permissions that an open asks for.
func (o openFlags) bits() (bits uint32) {
	if o.read {
		bits |= 4
	}
	if o.write || o.temporary {
		bits |= 2
	}
	return bits
}

// deviceNode records the making of a device (mknod(2)).
func (t *tracer) deviceNode(p *process, c call, args [6]uint64) {
	var mode uint64
	switch c.name {
	case "mknod":
		mode = args[1]
	case "mknodat":
		mode = args[2]
	}
	if kind := mode & unix.S_IFMT; kind == unix.S_IFCHR || kind == unix.S_IFBLK {
		t.rec.power(p, "CAP_MKNOD", 0)
	}
}

// change records the capability that a change of a file's attributes needs: for a new owner, or for another user's file.
func (t *tracer) change(p *process, c call, n node, args [6]uint64) {
	at := -1 // of the new owner
	switch c.name {
	case "chown", "lchown", "fchown", "chown32", "lchown32", "fchown32":
		at = 1
	case "fchownat":
		at = 2
	case "truncate", "truncate64":
		t.override(p, n, 2)
		return
	}
	if at < 0 {
		if n.uid != 0 {
			t.rec.power(p, "CAP_FOWNER", n.uid)
		}
		return
	}
	const same = ^uint32(0) // -1: it stays what it is
	owner, group := uint32(args[at]), uint32(args[at+1])
	switch {
	case owner != same && owner != n.uid:
		t.rec.power(p, "CAP_CHOWN", owner)
	case group != same && group != n.gid && (n.uid != 0 || group != p.gid && !slices.Contains(p.groups, group)):
		t.rec.power(p, "CAP_CHOWN", n.uid)
	}
}

// fdPowers is change for a file that is open.
func (t *tracer) fdPowers(p *process, c call, name string, args [6]uint64) {
	var stat unix.Stat_t
	if p.uid != 0 || foreign(name) || unix.Lstat(name, &stat) != nil {
		return
	}
	t.change(p, c, node{mode: stat.Mode, uid: stat.Uid, gid: stat.Gid}, args)
	t.walk.forget(name)
}

// kill records a signal to a process of another user (kill(2)); a signal to a process group counts as one to its leader.
func (t *tracer) kill(tk *task, pid int, signal uint64) {
	switch {
	case pid == -1:
		t.broadcast(tk, unix.Signal(signal))
		return
	case t.shielded(pid):
		t.refuse(tk, unix.ESRCH)
		return
	}
	if pid < -1 {
		pid = -pid
	}
	target := t.tasks[pid]
	if tk.proc.uid != 0 || signal == 0 || target == nil || target.proc.uid == 0 || target.proc.mayReturn {
		return
	}
	t.rec.power(tk.proc, "CAP_KILL", target.proc.uid)
}

// asked records a capability when the call that asks for it has succeeded.
func (t *tracer) asked(tk *task, capability string) {
	if p := tk.proc; p.uid == 0 && p.role != analyzer.RoleBeside {
		tk.pending = func(result int64) {
			if result >= 0 {
				t.rec.power(p, capability, 0)
			}
		}
	}
}

// capabilityOf names the capabilities that the calls of kindAsk need (capabilities(7)).
var capabilityOf = map[string]string{"mount": "CAP_SYS_ADMIN", "umount2": "CAP_SYS_ADMIN", "pivot_root": "CAP_SYS_ADMIN",
	"setgroups": "CAP_SETGID", "setgroups32": "CAP_SETGID", "socket": "CAP_NET_RAW"}

// ask handles the calls of kindAsk. A socket needs a capability only when it is raw (raw(7), packet(7)).
func (t *tracer) ask(tk *task, c call, args [6]uint64) {
	if c.name == "socket" && args[0] != unix.AF_PACKET &&
		!(args[1]&0xf == unix.SOCK_RAW && (args[0] == unix.AF_INET || args[0] == unix.AF_INET6)) {
		return
	}
	t.asked(tk, capabilityOf[c.name])
}

// accept notes that a process serves clients: its later calls, and the processes it starts, may be on behalf of a client.
func (t *tracer) accept(tk *task) {
	if p := tk.proc; !p.serving {
		tk.pending = func(result int64) { p.serving = p.serving || result >= 0 }
	}
}

// lowPort records a port that only root may take where the kernel's default holds (ip(7), ip_unprivileged_port_start).
func (t *tracer) lowPort(p *process, port []byte) {
	if number := binary.BigEndian.Uint16(port); p.uid == 0 && number != 0 && number < 1024 {
		t.rec.power(p, "CAP_NET_BIND_SERVICE", 0)
	}
}

// became records that a thread of a process which was root, or may be again, has changed its user or its group.
func (t *tracer) became(tk *task, root bool, uid, gid uint32) {
	now := process{pid: tk.tid}
	now.refresh()
	if root && now.uid != uid {
		t.rec.power(tk.proc, "CAP_SETUID", now.uid)
	}
	if root && now.gid != gid {
		t.rec.power(tk.proc, "CAP_SETGID", 0)
	}
}
