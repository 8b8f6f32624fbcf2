package profile

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// Names of Model.Runtimes.
const (
	runtimeGlibc  = "glibc"
	runtimeMusl   = "musl"
	runtimeStatic = "static" // no dynamic loader: Go, or another static program
	runtimeJVM    = "jvm"
	runtimeNode   = "node"
	runtimePython = "python"
	runtimeDotnet = "dotnet"
	runtimeRuby   = "ruby"
)

// runtimeFiles are files that only one runtime has, by their base name.
var runtimeFiles = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{runtimeGlibc, regexp.MustCompile(`^(libc\.so\.6|ld-linux.*\.so\.[0-9]+|ld64\.so\.[0-9]+)$`)},
	{runtimeMusl, regexp.MustCompile(`^(ld-musl-.*\.so\.1|libc\.musl-.*\.so\.1)$`)},
	{runtimeJVM, regexp.MustCompile(`^(libjvm\.so|java)$`)},
	{runtimeNode, regexp.MustCompile(`^(node|nodejs|libnode\.so.*|bun|deno)$`)},
	{runtimePython, regexp.MustCompile(`^(python[0-9.]*|libpython[0-9.]+\.so.*|pypy[0-9.]*)$`)},
	{runtimeDotnet, regexp.MustCompile(`^(libcoreclr\.so|dotnet)$`)},
	{runtimeRuby, regexp.MustCompile(`^(ruby[0-9.]*|libruby.*\.so.*)$`)},
}

// loaders32 are dynamic loaders of the second ABIs of a 64-bit kernel.
var loaders32 = map[string]string{"ld-linux.so.2": "x86", "ld-musl-i386.so.1": "x86", "ld-linux-x32.so.2": "x32",
	"ld-linux-armhf.so.3": "arm", "ld-linux.so.3": "arm", "ld-musl-armhf.so.1": "arm"}

// runtimes finds the language runtimes and second ABIs in the image's files and the programs that ran.
func (m *Model) runtimes(ev *analyzer.Evidence) {
	found, abis := map[string]bool{}, map[string]bool{}
	names := map[string]bool{}
	for _, name := range m.Kept {
		names[path.Base(string(name))] = true
	}
	for _, p := range ev.Processes {
		names[path.Base(string(p.Exe))] = true
	}
	for name := range names {
		for _, known := range runtimeFiles {
			if known.pattern.MatchString(name) {
				found[known.name] = true
			}
		}
		if abi := loaders32[name]; abi != "" && abi32(m.Platform, abi) {
			abis[abi] = true
		}
	}
	if !found[runtimeGlibc] && !found[runtimeMusl] {
		found[runtimeStatic] = true
	}
	m.Runtimes, m.Arches32 = slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(abis))
}

// abi32 reports whether an ABI is a second ABI of a platform.
func abi32(platform, abi string) bool {
	arch := analyzer.Arch(platform)
	return arch == "amd64" && abi != "arm" || arch == "arm64" && abi == "arm"
}

// runtimeCalls are calls that a runtime makes on code paths a run need not take: starting and ending threads, signals, memory under
// pressure, errors and the way out.
type runtimeCalls struct {
	runtime string // "" for every program
	calls   string // as words
	source  string // the runtime's own sources
}

// baseline has a row for each runtime.
var baseline = []runtimeCalls{
	{
		runtime: "",
		calls: `arch_prctl brk clock_getres clock_gettime clock_nanosleep clone close execve exit exit_group fcntl fstat futex getegid geteuid
			getgid getpid getppid getrandom gettid gettimeofday getuid kill lseek madvise mmap mprotect mremap munmap nanosleep newfstatat
			openat prctl prlimit64 read restart_syscall riscv_flush_icache rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
			rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_getaffinity sched_yield set_robust_list set_tid_address
			sigaltstack tgkill time tkill uname wait4 waitid write writev`,
		source: "syscalls(2): what every program does to start, to end, to wait and to handle a signal",
	},
	{
		runtime: runtimeGlibc,
		calls: `access dup dup2 dup3 faccessat faccessat2 fork get_robust_list getcwd getdents64 getrlimit getrusage ioctl membarrier mlock
			munlock pause pipe pipe2 poll ppoll pread64 pselect6 readlink readlinkat readv sched_get_priority_max sched_get_priority_min
			sched_getparam sched_getscheduler sched_setscheduler select setitimer setrlimit stat statx sysinfo times umask vfork`,
		source: "glibc: nptl, malloc, sysdeps/unix/sysv/linux, posix/spawni.c",
	},
	{
		runtime: runtimeMusl,
		calls: `access dup dup2 dup3 faccessat faccessat2 fork get_robust_list getcwd getdents64 getrlimit getrusage ioctl membarrier pause pipe
			pipe2 poll ppoll pread64 pselect6 readlink readlinkat readv select setitimer setrlimit stat statx sysinfo times umask vfork`,
		source: "musl: src/thread, src/process, src/malloc, src/signal",
	},
	{
		runtime: runtimeStatic,
		calls: `dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait eventfd2 faccessat faccessat2 fork getcwd getdents64 getrlimit getrusage ioctl
			mincore pidfd_open pidfd_send_signal pipe2 poll ppoll pread64 pselect6 pwrite64 readlinkat setitimer setrlimit setpgid setsid
			statx sysinfo timer_create timer_delete timer_settime umask vfork`,
		source: "Go: package runtime (netpoll_epoll.go, os_linux.go) and os; Rust: std::sys::unix",
	},
	{
		runtime: runtimeJVM,
		calls: `epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 fallocate fchdir fdatasync flock fstatfs fsync ftruncate getpriority
			getrusage memfd_create mincore mlock msync munlock pread64 pwrite64 sched_setaffinity sendfile setpriority socketpair statfs
			timer_create timer_delete timer_settime timerfd_create timerfd_settime`,
		source: "OpenJDK: os_linux.cpp, os_posix.cpp, EPoll.c, UnixNativeDispatcher.c",
	},
	{
		runtime: runtimeNode,
		calls: `capget copy_file_range epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 fallocate fdatasync fsync ftruncate getpriority
			inotify_add_watch inotify_init1 inotify_rm_watch mincore pidfd_open pkey_alloc pkey_free pkey_mprotect pread64 pwrite64
			sched_setaffinity sendfile setpriority setsid signalfd4 socketpair statfs`,
		source: "libuv: src/unix/linux.c, fs.c, process.c; V8: platform-linux.cc, memory-protection-key.cc",
	},
	{
		runtime: runtimePython,
		calls: `epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 flock fsync ftruncate getpriority memfd_create pidfd_open
			pidfd_send_signal pread64 pwrite64 sendfile setpgid setsid signalfd4 socketpair statfs timerfd_create timerfd_settime`,
		source: "CPython: Modules/posixmodule.c, signalmodule.c, selectmodule.c, fcntlmodule.c",
	},
	{
		runtime: runtimeDotnet,
		calls: `epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 fadvise64 flock fsync ftruncate getpriority inotify_add_watch
			inotify_init1 inotify_rm_watch memfd_create mincore mlock mlock2 msync munlock pread64 pwrite64 sched_setaffinity sendfile
			setpriority socketpair statfs`,
		source: ".NET runtime: src/coreclr/pal, src/native/libs/System.Native",
	},
	{
		runtime: runtimeRuby,
		calls: `epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 flock fsync ftruncate getpriority pread64 pwrite64 sendfile setpgid
			setsid socketpair statfs timer_create timer_delete timer_settime timerfd_create timerfd_settime`,
		source: "Ruby: thread_pthread.c, process.c, io.c, file.c",
	},
}

// starters are the calls that runc and crun make between loading the filter and the program: both load it before they drop
// capabilities and change the user, unless no_new_privs is set (runc libcontainer/standard_init_linux.go, crun libcrun/linux.c).
const starters = `access brk capget capset chdir clone close close_range dup2 dup3 epoll_create1 epoll_ctl epoll_pwait eventfd2 execve
	execveat exit exit_group faccessat faccessat2 fchdir fchmod fchown fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid
	getpgrp getpid getppid getrandom gettid getuid ioctl lseek lstat madvise mkdirat mmap mprotect munmap nanosleep newfstatat open openat
	openat2 pipe2 poll ppoll prctl pread64 prlimit64 pselect6 read readlink readlinkat rt_sigaction rt_sigprocmask rt_sigreturn
	sched_getaffinity sched_yield seccomp sendmsg recvmsg set_robust_list set_tid_address setgid setgroups setpgid setresgid setresuid setsid
	setuid sigaltstack stat statfs statx symlinkat tgkill umask unlinkat write`

// siblings are calls with the same power: a program or library that makes one of a line may make any other of it, chosen by version,
// architecture or the size of its arguments.
var siblings = []string{
	`access faccessat faccessat2`,
	`chmod fchmod fchmodat fchmodat2`,
	`chown fchown fchownat lchown`,
	`creat open openat openat2`,
	`dup dup2 dup3`,
	`epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait`,
	`eventfd eventfd2`,
	`fadvise64 readahead`,
	`fallocate ftruncate truncate`,
	`fdatasync fsync msync sync_file_range syncfs`,
	`fgetxattr flistxattr getxattr lgetxattr listxattr llistxattr`,
	`fork vfork`,
	`fstat lstat newfstatat stat statx`,
	`fstatfs statfs`,
	`futimesat utime utimensat utimes`,
	`getdents getdents64`,
	`getrlimit prlimit64 setrlimit`,
	`inotify_add_watch inotify_init inotify_init1 inotify_rm_watch`,
	`link linkat`,
	`mkdir mkdirat rmdir`,
	`mknod mknodat`,
	`mlock mlock2 munlock`,
	`pipe pipe2`,
	`poll ppoll pselect6 select`,
	`pread64 preadv preadv2 read readv`,
	`pwrite64 pwritev pwritev2 write writev`,
	`readlink readlinkat`,
	`rename renameat renameat2`,
	`rmdir unlink unlinkat`,
	`sched_getparam sched_getscheduler sched_setparam sched_setscheduler`,
	`sendfile splice tee copy_file_range`,
	`semctl semget semop semtimedop`,
	`setgid setgroups setregid setresgid getresgid getgroups`,
	`setuid setreuid setresuid getresuid`,
	`shmat shmctl shmdt shmget`,
	`signalfd signalfd4`,
	`symlink symlinkat`,
	`timer_create timer_delete timer_getoverrun timer_gettime timer_settime`,
	`timerfd_create timerfd_gettime timerfd_settime`,
	`accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown socket socketpair`,
}

// wanted are all calls to allow if Docker's default profile does: seen, their siblings, and the baselines.
func (m Model) wanted() map[string]bool {
	want := map[string]bool{}
	asked := slices.Concat(m.Syscalls, m.Possible)
	for _, name := range asked {
		want[name] = true
	}
	for _, line := range siblings {
		if group := strings.Fields(line); slices.ContainsFunc(asked, func(name string) bool { return slices.Contains(group, name) }) {
			for _, name := range group {
				want[name] = true
			}
		}
	}
	for _, name := range analyzer.CommonSyscalls() { // not recorded: see there
		want[name] = true
	}
	for _, words := range append([]string{starters}, baselines(m.Runtimes)...) {
		for _, name := range strings.Fields(words) {
			want[name] = true
		}
	}
	return want
}

// baselines are the calls of every program and of some runtimes, as words.
func baselines(runtimes []string) []string {
	var words []string
	for _, row := range baseline {
		if row.runtime == "" || slices.Contains(runtimes, row.runtime) {
			words = append(words, row.calls)
		}
	}
	return words
}
