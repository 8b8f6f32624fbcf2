//go:build linux

package trace

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// access is one kind of access to files of its own: what the program does, and what the evidence has to say of it. The files are made
// as place makes them; of missing, those that were looked for in vain.
type access struct {
	name    string
	files   []string
	do      func() error
	want    map[string]string
	missing map[string]string
	root    bool // only root can do it
}

// words is a map of names and what is said of them, in turn.
func words(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

var stat unix.Stat_t

func read(name string) error { _, err := os.ReadFile(name); return err }

// expect turns an error that should come into none.
func expect(want, got error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

// all is the first error of calls that are all made.
func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// at calls f with a descriptor of a directory.
func at(dir string, f func(fd int) error) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

func opened(fd int, err error) error {
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// again starts this program once more as another tracee.
func again(name string, change ...func(*exec.Cmd)) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env, cmd.Stderr = []string{beTracee + "=" + name}, os.Stderr
	for _, f := range change {
		f(cmd)
	}
	return cmd.Run()
}

// byName are calls with a path, in the working directory or below a descriptor.
var byName = []access{
	{name: "open", files: []string{"open"}, do: func() error { return read("open") }, want: words("open", "open")},
	{name: "open by absolute name", files: []string{"absolute"}, want: words("absolute", "open"), do: func() error {
		dir, err := os.Getwd()
		return all(err, read(dir+"/absolute"))
	}},
	{name: "openat", files: []string{"openat/below"}, want: words("openat", "open", "openat/below", "open"), do: func() error {
		return at("openat", func(fd int) error { return opened(unix.Openat(fd, "below", unix.O_RDONLY, 0)) })
	}},
	{name: "openat2", files: []string{"openat2/below"}, want: words("openat2/below", "open"), do: func() error {
		return at("openat2", func(fd int) error { return opened(unix.Openat2(fd, "below", &unix.OpenHow{})) })
	}},
	{name: "openat2 with a root", files: []string{"rooted/inside", "rooted/link -> /inside"},
		want: words("rooted/inside", "open", "rooted/link", "hop"), do: func() error {
			return at("rooted", func(fd int) error {
				how := unix.OpenHow{Resolve: unix.RESOLVE_IN_ROOT}
				return all(opened(unix.Openat2(fd, "/../inside", &how)), opened(unix.Openat2(fd, "link", &how)))
			})
		}},
	{name: "openat2 that may not leave", files: []string{"beneath/", "outside"}, want: words("outside", ""),
		missing: words("outside", "EXDEV"), do: func() error {
			return at("beneath", func(fd int) error {
				return expect(unix.EXDEV, opened(unix.Openat2(fd, "../outside", &unix.OpenHow{Resolve: unix.RESOLVE_BENEATH})))
			})
		}},
	{name: "O_PATH", files: []string{"opath", "opath2"}, want: words("opath", "stat", "opath2", "open stat"), do: func() error {
		fd, err := unix.Open("opath2", unix.O_PATH|unix.O_CLOEXEC, 0)
		return all(err, opened(unix.Open("opath", unix.O_PATH, 0)), read(fmt.Sprintf("/proc/self/fd/%d", fd)), unix.Close(fd))
	}},
	{name: "stat", files: []string{"stat", "lstat", "fstatat/below", "statx", "statfs"}, want: words("stat", "stat", "lstat", "stat",
		"fstatat/below", "stat", "statx", "stat", "statfs", "stat"), do: func() error {
		var x unix.Statx_t
		var fs unix.Statfs_t
		return all(old("stat", "stat", uintptr(unsafe.Pointer(&stat))), old("lstat", "lstat", uintptr(unsafe.Pointer(&stat))),
			unix.Statx(unix.AT_FDCWD, "statx", 0, unix.STATX_ALL, &x), unix.Statfs("statfs", &fs),
			at("fstatat", func(fd int) error { return unix.Fstatat(fd, "below", &stat, 0) }))
	}},
	{name: "access", files: []string{"access", "faccessat", "faccessat2"}, want: words("access", "stat", "faccessat", "stat", "faccessat2",
		"stat"), do: func() error {
		return all(old("access", "access", unix.R_OK), unix.Faccessat(unix.AT_FDCWD, "faccessat", unix.R_OK, 0),
			unix.Faccessat2(unix.AT_FDCWD, "faccessat2", unix.R_OK, unix.AT_EACCESS))
	}},
	{name: "readlink", files: []string{"link -> to", "nolink"}, want: words("link", "readlink", "nolink", "readlink", "to", ""),
		do: func() error {
			_, err := os.Readlink("link")
			_, err2 := unix.Readlink("nolink", make([]byte, 10))
			return all(err, expect(unix.EINVAL, err2))
		}},
	{name: "hops", files: []string{"hop1 -> hop2", "hop2 -> hopped", "hopped"}, want: words("hop1", "hop", "hop2", "hop", "hopped", "open"),
		do: func() error { return read("hop1") }},
	{name: "above a symlinked directory", files: []string{"symdir -> real/deep", "real/deep/", "real/physical"},
		want: words("symdir", "hop", "real/physical", "open", "physical", ""), do: func() error {
			return read("symdir/../physical")
		}},
	{name: "list", files: []string{"listed/a"}, want: words("listed", "list open", "listed/a", ""),
		do: func() error { _, err := os.ReadDir("listed"); return err }},
	{name: "extended attributes", files: []string{"getxattr", "listxattr", "lgetxattr"}, want: words("getxattr", "stat", "listxattr", "stat",
		"lgetxattr", "stat"), do: func() error {
		_, err := unix.Getxattr("getxattr", "user.none", nil)
		_, err2 := unix.Listxattr("listxattr", nil)
		_, err3 := unix.Lgetxattr("lgetxattr", "user.none", nil)
		return all(none(err), none(err2), none(err3))
	}},
	{name: "inotify", files: []string{"watched", "unwatched -> watched2", "watched2"}, want: words("watched", "stat", "unwatched", "stat",
		"watched2", ""), do: func() error {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		_, err2 := unix.InotifyAddWatch(fd, "watched", unix.IN_MODIFY)
		_, err3 := unix.InotifyAddWatch(fd, "unwatched", unix.IN_MODIFY|unix.IN_DONT_FOLLOW)
		return all(err, err2, err3, unix.Close(fd))
	}},
	{name: "nothing there", missing: words("nothing", "ENOENT", "no/where", "ENOENT", "plain/x", "ENOTDIR", "loop", "ELOOP", "dangling-target",
		"ENOENT"), want: words("nothing", "", "dangling", "hop"),
		files: []string{"plain", "loop -> loop", "dangling -> dangling-target"}, do: func() error {
			return all(expect(unix.ENOENT, read("nothing")), expect(unix.ENOENT, unix.Access("no/where", unix.R_OK)),
				expect(unix.ENOTDIR, read("plain/x")), expect(unix.ELOOP, read("loop")),
				expect(unix.ENOENT, read("dangling")))
		}},
	{name: "magic links", files: []string{"here", "magic/below"}, want: words("here", "open", "magic/below", "open"), do: func() error {
		dir, err := os.Getwd()
		return all(err, read("/proc/self/cwd/here"), at("magic", func(fd int) error {
			return all(read(fmt.Sprintf("/dev/fd/%d/below", fd)), unix.Stat("/proc/self/root"+dir, &stat))
		}))
	}},
}

// none accepts the answers "no such attribute" and "no such thing on this file system".
func none(err error) error {
	if err == unix.ENODATA || err == unix.EOPNOTSUPP {
		return nil
	}
	return err
}

// old makes a system call that Go's functions do not use any more; a machine without it (arm64) asks otherwise.
func old(call, name string, arg uintptr) error {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	for number, known := range nativeCalls {
		if known == call {
			if _, _, errno := unix.Syscall(uintptr(number), uintptr(unsafe.Pointer(p)), arg, 0); errno != 0 {
				return errno
			}
			return nil
		}
	}
	return unix.Faccessat(unix.AT_FDCWD, name, unix.R_OK, 0)
}

// byProcess are accesses of other threads, programs and users.
var byProcess = []access{
	{name: "thread", files: []string{"thread"}, want: words("thread", "open"), do: func() error {
		errs := make(chan error)
		go func() {
			runtime.LockOSThread() // not this one, which the main function holds
			errs <- read("thread")
		}()
		return <-errs
	}},
	// Go starts a program with clone(CLONE_VM|CLONE_VFORK); the child changes its directory before it executes.
	{name: "vfork child", files: []string{"vforked/file"}, want: words("vforked", "chdir stat", "vforked/file", "open"), do: func() error {
		return again("vforked", func(cmd *exec.Cmd) { cmd.Dir = "vforked" })
	}},
	{name: "own program", files: []string{"own"}, want: words("own", "open"), do: func() error { return again("own") }},
	{name: "double fork", files: []string{"orphaned", "orphaned.done"}, want: words("orphaned", "open"), do: func() error {
		err := exec.Command("/bin/sh", "-c", "( ( sleep 0.05; : < orphaned; rm orphaned.done ) & )").Run()
		for i := 0; i < 1000 && unix.Access("orphaned.done", 0) == nil; i++ {
			time.Sleep(5 * time.Millisecond)
		}
		return err
	}},
	{name: "script chain", files: []string{"chain1 = #!{dir}/chain3", "chain2 = #!/bin/sh", "chain3 -> chain2"},
		want: words("chain1", "exec stat", "chain2", "interp open", "chain3", "hop"), do: func() error {
			return exec.Command("./chain1").Run()
		}},
	{name: "execveat", files: []string{"bin/program"}, want: words("bin/program", "exec stat write"), do: func() error {
		data, err := os.ReadFile("/bin/true")
		return all(err, os.WriteFile("bin/program", data, 0o755), os.Chmod("bin/program", 0o755), again("execveat"))
	}},
	{name: "socket", files: []string{}, want: words("bound", "connect create"), do: func() error {
		listener, err := net.Listen("unix", "bound")
		if err != nil {
			return err
		}
		defer listener.Close()
		listener.(*net.UnixListener).SetUnlinkOnClose(false)
		conn, err := net.Dial("unix", "bound")
		if err != nil {
			return err
		}
		return conn.Close()
	}},
	{name: "chroot", root: true, files: []string{"jail/inside", "jail/link -> /inside2", "jail/inside2", "jail/sub/deeper"},
		do:   func() error { return again("jailed") },
		want: words("jail", "chdir", "jail/inside", "open", "jail/link", "hop", "jail/inside2", "open", "jail/sub/deeper", "open", "inside", "")},
	{name: "dropped user", root: true, files: []string{"private/below", "private/sub/list", "relative", "late", "secret"},
		do:      func() error { return again("dropped") },
		want:    words("private/below", "stat", "private/sub", "list open", "relative", "open", "late", "open", "secret", ""),
		missing: words("secret", "EACCES")},
	{name: "closed memory", files: []string{"closed", "closed2"}, want: words("closed", "open", "closed2", "stat"),
		do: func() error { return again("closed") }},
}

var tracees = map[string]func() error{
	"all": func() error {
		for _, a := range accesses() {
			if a.root && os.Getuid() != 0 {
				continue
			}
			if err := a.do(); err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
		}
		return nil
	},
	"vforked": func() error { return read("file") },
	"own":     func() error { return read("own") },
	"execveat": func() error {
		return at("bin", func(fd int) error {
			p, err := unix.BytePtrFromString("program")
			if err != nil {
				return err
			}
			argv := [2]*byte{p}
			_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&argv[0])), 0, 0, 0)
			return errno
		})
	},
	"jailed": func() error {
		return all(unix.Chroot("jail"), unix.Chdir("/"), read("/inside"), read("link"), unix.Chdir("sub"), read("deeper"),
			read("../../../inside"))
	},
	// A directory opened before, a working directory, and what is opened as another user; then what that user may not.
	"dropped": func() error {
		dirfd, err := unix.Open("private", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err := all(err, unix.Setgroups(nil), unix.Setresgid(65534, 65534, 65534)); err != nil {
			return err
		}
		sub, err := unix.Openat(dirfd, "sub", unix.O_RDONLY|unix.O_DIRECTORY, 0) // still root, and already closed to the tracer
		if err := all(err, unix.Setresuid(65534, 65534, 65534)); err != nil {
			return err
		}
		_, err = unix.ReadDirent(sub, make([]byte, 4096))
		return all(err, unix.Fstatat(dirfd, "below", &stat, 0), read("relative"), opened(unix.Open("late", unix.O_RDONLY, 0)),
			expect(unix.EACCES, unix.Access("secret", unix.R_OK)))
	},
	// What keeps secrets in its memory closes it to all but root with CAP_SYS_PTRACE.
	"closed": func() error {
		return all(unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0), read("closed"), unix.Stat("closed2", &stat))
	},
}

func accesses() []access { return append(append([]access{}, byName...), byProcess...) }

// reachable opens a directory of the tests (TestX/001, of which the upper is its user's alone) for everyone.
func reachable(dir string) error {
	for level := 0; dir != "/"; level, dir = level+1, filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode()&0o005 == 0o005 {
			continue
		}
		if level > 1 {
			return fmt.Errorf("%s is not open to all", dir)
		}
		if err := os.Chmod(dir, info.Mode()|0o055); err != nil {
			return err
		}
	}
	return nil
}

func init() {
	for name, f := range others {
		tracees[name] = f
	}
}

// others are the tracees of single tests.
var others = map[string]func() error{
	"changes": func() error {
		f, err := os.OpenFile("appended", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("x")
		now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
		fd, err2 := unix.Open("fchanged", unix.O_RDONLY, 0)
		temporary := opened(unix.Open("temporary", unix.O_TMPFILE|unix.O_RDWR, 0o600))
		if temporary == unix.EOPNOTSUPP { // not on this file system, and asked for all the same
			temporary = nil
		}
		over, err3 := os.OpenFile("overwritten", os.O_RDWR, 0)
		return all(err, err2, err3, temporary, f.Close(), over.Close(), unix.Fchmod(fd, 0o600), os.WriteFile("made", nil, 0o644),
			os.Mkdir("newdir", 0o755), os.Rename("old", "renamed"),
			os.Remove("removed"), os.Chmod("changed", 0o600), os.Symlink("open", "newlink"), os.Link("linked", "newname"),
			expect(unix.EEXIST, os.Mkdir("there", 0o755)),
			unix.UtimesNanoAt(unix.AT_FDCWD, "touched", now, 0), os.Truncate("truncated", 1), os.Rename("moved", "replacing"),
			unix.Mkfifo("fifo", 0o600),
			expect(unix.ENOENT, os.Mkdir("no/dir", 0o755)))
	},
	"many": func() error {
		for i := range 40_000 {
			if err := unix.Stat("f"+strconv.Itoa(i), &stat); err != nil {
				return err
			}
		}
		return nil
	},
	"quiet": func() error {
		calls, err := strconv.Atoi(os.Getenv("CALLS"))
		if err != nil {
			return err
		}
		for range calls {
			_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		return read("open")
	},
	"serve": func() error {
		fmt.Println("ready")
		time.Sleep(time.Minute)
		return nil
	},
	"listens": func() error { return listening(listenTCP()) },
	"listens, then another user": func() error {
		l, err := listenTCP()
		return all(err, becomeOther(), listening(l, nil))
	},
	"another user, then listens":    func() error { return all(becomeOther(), listening(listenTCP())) },
	"acts as another user, listens": func() error { return all(unix.Setresuid(0, 1234, 0), listening(listenAgain())) },
	"another user's program listens": func() error {
		return all(becomeOther(), unix.Exec("/proc/self/exe", os.Args, []string{beTracee + "=listens"}))
	},
	"leave": func() error { // a child that outlives it
		return exec.Command("/bin/sh", "-c", "sleep 60 & exec true").Run()
	},
}
