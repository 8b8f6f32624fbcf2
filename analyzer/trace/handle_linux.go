package trace

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// syscallStop handles a stop at the end of a call whose result the tracer waits for or, in plain mode, at each begin and end.
func (t *tracer) syscallStop(tk *task) {
	info, err := getSyscallInfo(tk.tid)
	if err != nil {
		t.resume(tk, 0)
		return
	}
	if info.op == unix.PTRACE_SYSCALL_INFO_EXIT {
		if tk.pending != nil {
			done := tk.pending
			tk.pending = nil
			done(int64(info.number))
		}
		t.resume(tk, 0)
		return
	}
	if info.arch == nativeArch {
		t.rec.call(uint32(info.number))
	}
	t.dispatch(tk, info)
	t.resume(tk, 0)
}

// enter is a stop of the seccomp filter, before the call.
func (t *tracer) enter(tk *task) {
	t.near(tk)
	info, err := getSyscallInfo(tk.tid)
	if err == nil {
		// The filter stops at some of analyzer.CommonSyscalls (accept, tgkill), which are not recorded.
		if info.arch == nativeArch && !unrecorded[uint32(info.number)] {
			t.rec.call(uint32(info.number))
		}
		t.dispatch(tk, info)
	}
	t.resume(tk, 0)
}

func (t *tracer) dispatch(tk *task, info syscallInfo) {
	table, number, wide := nativeCalls, uint32(info.number), true
	if info.number == unix.SYS_SCHED_GETAFFINITY || info.number == unix.SYS_SCHED_SETAFFINITY {
		t.far(tk)
	}
	if info.arch == compatArch {
		table, wide = compatCalls, false
	} else if number >= x32Bit {
		if number -= x32Bit; number >= firstX32 {
			table, wide = x32Calls, false
		} // smaller numbers are those of the native table (syscall_64.tbl)
	} else if noExec(t.confine) && (number == unix.SYS_MMAP || number == unix.SYS_MEMFD_CREATE) {
		t.guardMemory(tk, number, info.args)
		return
	}
	c, ok := calls[table[number]]
	if !ok {
		return
	}
	if err := t.handle(tk, c, info.args, wide); errors.Is(err, errClosed) && t.openMemory(tk, info.arch) {
		return
	}
	tk.opening = false
}

// handle records what one call does. It returns an error when it cannot read the call's path or address.
func (t *tracer) handle(tk *task, c call, args [6]uint64, wide bool) error {
	switch c.kind {
	case kindConnect, kindBind:
		if c.kind == kindBind {
			t.own(tk, int(int32(args[0])))
		}
		return t.socket(tk, c.kind, int(int32(args[0])), args[1], args[2])
	case kindSocketcall:
		return t.socketcall(tk, args)
	}
	if t.handleWithoutPath(tk, c, args) {
		return nil
	}
	name, err := readString(tk.tid, args[c.path], unix.PathMax)
	if err != nil {
		return err
	}
	dir := "/"
	if c.dir >= 0 && !strings.HasPrefix(name, "/") {
		dir = t.directory(tk, int(int32(args[c.dir])))
	} else if !strings.HasPrefix(name, "/") {
		dir = t.directory(tk, unix.AT_FDCWD)
	}
	if name == "" {
		if c.kind == kindExec && dir != "" {
			t.exec(tk, found{path: dir, mode: unix.S_IFREG}, args, c, wide)
		}
		return nil // AT_EMPTY_PATH: the descriptor's own path was recorded when it was opened
	}
	if dir == "" {
		t.rec.warnUnknown(tk.proc.exe)
		return nil
	}
	flags := uint64(0)
	if c.flags >= 0 {
		flags = args[c.flags]
	}
	t.path(tk, c, dir, name, flags, args, wide)
	return nil
}

// handleWithoutPath records a call that names no path, false if c names one.
func (t *tracer) handleWithoutPath(tk *task, c call, args [6]uint64) bool {
	switch c.kind {
	case kindList:
		t.list(tk, int(int32(args[0])))
	case kindFchdir:
		t.fchdir(tk, int(int32(args[0])))
	case kindFchange:
		t.fchange(tk, c, args)
	case kindAccept:
		t.accept(tk)
	case kindListen:
		t.listens(tk, int(int32(args[0])))
	case kindKill:
		t.kill(tk, int(int32(args[0])), args[1])
	case kindAim:
		t.guardProcess(tk, c, args)
	case kindAsk:
		t.ask(tk, c, args)
	case kindIDs:
		t.changeIDs(tk)
	case kindDup:
		tk.proc.recent.name = ""
		t.dup(tk, c, args)
	default:
		return false
	}
	return true
}

// directory is what a directory descriptor stands for.
func (t *tracer) directory(tk *task, fd int) string {
	if fd == unix.AT_FDCWD && !tk.proc.blind {
		if cwd, err := os.Readlink("/proc/" + itoa(tk.tid) + "/cwd"); err == nil {
			tk.proc.cwd = cwd
		}
	}
	return tk.proc.descriptor(fd)
}

// path handles the calls that take one path.
func (t *tracer) path(tk *task, c call, dir, name string, flags uint64, args [6]uint64, wide bool) {
	follow := !c.nofollow
	open := openFlags{}
	switch c.kind {
	case kindStat, kindChange:
		follow = follow && flags&unix.AT_SYMLINK_NOFOLLOW == 0
	case kindLink:
		follow = len(args) > 4 && c.dir >= 0 && args[4]&unix.AT_SYMLINK_FOLLOW != 0
	case kindExec:
		follow = flags&unix.AT_SYMLINK_NOFOLLOW == 0
	case kindOpen, kindOpen2, kindCreat:
		open = t.openFlags(tk, c, args)
		follow = !open.nofollow && !open.exclusive
	}
	if c.name == "inotify_add_watch" {
		follow = args[2]&unix.IN_DONT_FOLLOW == 0
	}
	root := tk.proc.root
	if open.resolve&unix.RESOLVE_IN_ROOT != 0 {
		dir = t.directory(tk, int(int32(args[c.dir])))
		root = dir
	}
	f := t.resolve(tk, root, dir, name, follow)
	if errno := t.guardPath(f.path, c.changes(open)); errno != 0 && t.refuse(tk, errno) {
		return
	}
	t.pathPowers(tk.proc, c, f, open, args)
	switch c.kind {
	case kindOpen, kindOpen2, kindCreat:
		tk.proc.recent.name = ""
		t.open(tk, f, open)
	case kindExec:
		t.exec(tk, f, args, c, wide)
	case kindChdir:
		tk.proc.recent.name = ""
		t.use(tk, f, analyzer.OpChdir, func() { tk.proc.cwd = f.path })
	case kindChroot:
		t.use(tk, f, analyzer.OpChdir, func() {
			tk.proc.root = f.path
			t.rec.power(tk.proc, "CAP_SYS_CHROOT", 0)
		})
	case kindReadlink:
		t.use(tk, f, analyzer.OpReadlink, nil)
	case kindStat:
		t.use(tk, f, analyzer.OpStat, nil)
	case kindCreate, kindSymlink:
		t.create(tk, f)
	case kindChange:
		t.use(tk, f, analyzer.OpWrite, nil)
	case kindRemove:
		t.remove(tk, f)
	case kindRename, kindLink:
		t.twoPaths(tk, c, f, args)
	}
}

// use records a path that exists under op, and a missing one as a failed look-up. Root's look-ups succeed when the path exists;
// for other users the tracer waits for the result. then runs when the call has succeeded.
func (t *tracer) use(tk *task, f found, op analyzer.Op, then func()) {
	if f.missing {
		t.rec.miss(tk.proc, f, op)
		return
	}
	if tk.proc.uid == 0 && then == nil {
		t.rec.use(tk.proc, f, op)
		return
	}
	if tk.proc.uid != 0 && then == nil && t.rec.known(tk.proc, f.path, op) {
		return
	}
	tk.pending = func(result int64) {
		if t.outcome(tk, f, result, op) && then != nil {
			then()
		}
	}
}

// outcome records how a call on a path that exists ended, and reports whether it succeeded. An error that is not about the path (readlink
// of a file that is not a link, getxattr of a missing attribute) counts as a result: the call did access the path.
func (t *tracer) outcome(tk *task, f found, result int64, ops ...analyzer.Op) bool {
	if result >= 0 || result <= -4096 {
		t.rec.use(tk.proc, f, ops...)
		return true
	}
	switch f.errno = unix.Errno(-result); f.errno {
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ENAMETOOLONG, unix.EXDEV, unix.EACCES, unix.EPERM, unix.EROFS:
		t.rec.miss(tk.proc, f, ops[0])
	default:
		t.rec.use(tk.proc, f, ops...)
	}
	return false
}

func (t *tracer) create(tk *task, f found) {
	if !f.missing {
		t.use(tk, f, analyzer.OpStat, nil) // EEXIST
		return
	}
	if f.errno != unix.ENOENT {
		t.rec.miss(tk.proc, f, analyzer.OpCreate)
		return
	}
	tk.pending = func(result int64) {
		if result < 0 && result > -4096 {
			f.errno = unix.Errno(-result)
			t.rec.miss(tk.proc, f, analyzer.OpCreate)
			return
		}
		t.walk.forget(f.path)
		t.rec.use(tk.proc, f, analyzer.OpCreate)
	}
}

func (t *tracer) remove(tk *task, f found) {
	if !f.missing && f.dir() || f.mode&unix.S_IFMT == unix.S_IFLNK {
		t.walk.forget("")
	}
	t.use(tk, f, analyzer.OpWrite, func() { t.walk.forget("") })
}

// twoPaths handles rename and link: f is the old path, the new one follows.
func (t *tracer) twoPaths(tk *task, c call, f found, args [6]uint64) {
	index, dirIndex := 1, -1
	if c.dir >= 0 {
		index, dirIndex = 3, 2
	}
	name, err := readString(tk.tid, args[index], unix.PathMax)
	if err != nil {
		return
	}
	fd := unix.AT_FDCWD
	if dirIndex >= 0 {
		fd = int(int32(args[dirIndex]))
	}
	dir := t.directory(tk, fd)
	if strings.HasPrefix(name, "/") {
		dir = "/"
	}
	if dir == "" {
		return
	}
	target := t.resolve(tk, tk.proc.root, dir, name, false)
	if errno := t.guardPath(target.path, true); errno != 0 && t.refuse(tk, errno) {
		return
	}
	t.pathPowers(tk.proc, call{kind: kindRename}, target, openFlags{}, args)
	op := analyzer.OpWrite
	if c.kind == kindLink {
		op = analyzer.OpStat
	}
	t.use(tk, f, op, func() {
		t.walk.forget("")
		if target.missing {
			t.rec.use(tk.proc, target, analyzer.OpCreate)
		} else {
			t.rec.use(tk.proc, target, analyzer.OpWrite)
		}
	})
}

func (t *tracer) fchdir(tk *task, fd int) {
	name := tk.proc.descriptor(fd)
	if name == "" {
		return
	}
	tk.pending = func(result int64) {
		if result == 0 {
			tk.proc.cwd = name
		}
	}
}

// fchange records a change of a file through a descriptor, which may be open for reading only.
func (t *tracer) fchange(tk *task, c call, args [6]uint64) {
	if name := tk.proc.descriptor(int(int32(args[0]))); name != "" {
		t.fdPowers(tk.proc, c, name, args)
		t.use(tk, found{path: name, mode: unix.S_IFREG}, analyzer.OpWrite, nil)
	}
}

// list records a directory whose entries are read.
func (t *tracer) list(tk *task, fd int) {
	name := tk.proc.descriptor(fd)
	if name != "" {
		t.rec.use(tk.proc, found{path: name, mode: unix.S_IFDIR}, analyzer.OpList)
	}
}

// changeIDs saves the facts that /proc no longer shows after the process has changed its user.
func (t *tracer) changeIDs(tk *task) {
	if !tk.proc.blind {
		tk.proc.snapshot()
	}
	root, uid, gid := tk.proc.uid == 0 || tk.proc.mayReturn, tk.proc.uid, tk.proc.gid
	tk.pending = func(int64) {
		t.became(tk, root, uid, gid)
		tk.proc.refresh()
		if tk.proc.uid != 0 || !tk.proc.open() {
			tk.proc.blind = true
		}
	}
}

func (t *tracer) dup(tk *task, c call, args [6]uint64) {
	if (c.name == "fcntl" || c.name == "fcntl64") && args[1] != unix.F_DUPFD && args[1] != unix.F_DUPFD_CLOEXEC {
		t.guardProcess(tk, c, args)
		return
	}
	name := tk.proc.fds[int(int32(args[0]))]
	if !tk.proc.blind || name == "" {
		return
	}
	tk.pending = func(result int64) {
		if result >= 0 {
			tk.proc.fds[int(result)] = name
		}
	}
}
