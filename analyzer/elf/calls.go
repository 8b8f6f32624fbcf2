package elf

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// maxCallNames bounds the part of a dynamic string table that is searched for functions, in bytes.
const maxCallNames = 8 << 20

// wrappers are functions of the C library and the system calls they make, where these are not just called like the function (glibc and musl
// sources; syscalls(2)). A "64" at the end of a function's name is left out.
var wrappers = map[string]string{
	"fopen":                  "openat",
	"freopen":                "openat",
	"open":                   "openat",
	"creat":                  "openat",
	"tmpfile":                "openat unlink",
	"mkstemp":                "openat",
	"mkostemp":               "openat",
	"mkstemps":               "openat",
	"mkostemps":              "openat",
	"mkdtemp":                "mkdir mkdirat",
	"tempnam":                "lstat",
	"opendir":                "openat getdents64",
	"fdopendir":              "getdents64",
	"readdir":                "getdents64",
	"scandir":                "openat getdents64",
	"nftw":                   "openat getdents64 fchdir",
	"ftw":                    "openat getdents64",
	"fts_open":               "openat getdents64 fchdir",
	"glob":                   "openat getdents64",
	"remove":                 "unlink rmdir unlinkat",
	"unlink":                 "unlinkat",
	"rmdir":                  "unlinkat",
	"rename":                 "renameat renameat2",
	"mkdir":                  "mkdirat",
	"link":                   "linkat",
	"symlink":                "symlinkat",
	"readlink":               "readlinkat",
	"realpath":               "readlink readlinkat lstat getcwd",
	"chmod":                  "fchmodat fchmodat2",
	"lchmod":                 "fchmodat fchmodat2",
	"chown":                  "fchownat",
	"lchown":                 "fchownat",
	"mkfifo":                 "mknod mknodat",
	"mkfifoat":               "mknodat",
	"mknod":                  "mknodat",
	"utime":                  "utimensat",
	"utimes":                 "utimensat",
	"lutimes":                "utimensat",
	"futimes":                "utimensat",
	"futimens":               "utimensat",
	"statvfs":                "statfs",
	"fstatvfs":               "fstatfs",
	"truncate":               "truncate",
	"posix_fallocate":        "fallocate",
	"posix_fadvise":          "fadvise64",
	"posix_madvise":          "madvise",
	"lockf":                  "fcntl",
	"fork":                   "clone",
	"vfork":                  "clone",
	"daemon":                 "clone setsid",
	"system":                 "clone clone3 vfork execve wait4",
	"popen":                  "clone clone3 vfork execve wait4 pipe2 dup2 dup3",
	"posix_spawn":            "clone clone3 vfork execve",
	"posix_spawnp":           "clone clone3 vfork execve",
	"execv":                  "execve",
	"execvp":                 "execve",
	"execvpe":                "execve",
	"execl":                  "execve",
	"execlp":                 "execve",
	"execle":                 "execve",
	"fexecve":                "execve execveat",
	"wait":                   "wait4",
	"waitpid":                "wait4",
	"wait3":                  "wait4",
	"pthread_create":         "clone clone3 set_robust_list rseq",
	"thrd_create":            "clone clone3",
	"pthread_setname_np":     "prctl openat",
	"pthread_setaffinity_np": "sched_setaffinity",
	"pthread_getaffinity_np": "sched_getaffinity",
	"pthread_setschedparam":  "sched_setscheduler",
	"pthread_kill":           "tgkill",
	"raise":                  "tgkill",
	"abort":                  "tgkill",
	"killpg":                 "kill",
	"signal":                 "rt_sigaction",
	"sigaction":              "rt_sigaction",
	"sigprocmask":            "rt_sigprocmask",
	"sigsuspend":             "rt_sigsuspend",
	"sigwait":                "rt_sigtimedwait",
	"sigwaitinfo":            "rt_sigtimedwait",
	"sigtimedwait":           "rt_sigtimedwait",
	"sigqueue":               "rt_sigqueueinfo",
	"sigpending":             "rt_sigpending",
	"alarm":                  "alarm setitimer",
	"sleep":                  "clock_nanosleep",
	"usleep":                 "clock_nanosleep",
	"nice":                   "setpriority getpriority",
	"ualarm":                 "setitimer",
	"setegid":                "setresgid",
	"seteuid":                "setresuid",
	"initgroups":             "setgroups",
	"getlogin":               "ioctl",
	"openpty":                "openat ioctl",
	"forkpty":                "openat ioctl clone setsid",
	"tcsetattr":              "ioctl",
	"shm_open":               "openat",
	"shm_unlink":             "unlink unlinkat",
	"sem_open":               "openat link linkat unlink",
	"sem_unlink":             "unlink",
	"mq_receive":             "mq_timedreceive",
	"mq_send":                "mq_timedsend",
	"mq_close":               "close",
	"semtimedop":             "semtimedop semop",
	"accept":                 "accept4",
	"send":                   "sendto",
	"recv":                   "recvfrom",
	"dup2":                   "dup3",
	"pipe":                   "pipe2",
	"epoll_create":           "epoll_create1",
	"epoll_wait":             "epoll_pwait",
	"eventfd":                "eventfd2",
	"signalfd":               "signalfd4",
	"inotify_init":           "inotify_init1",
	"getrlimit":              "prlimit64",
	"setrlimit":              "prlimit64",
	"prlimit":                "prlimit64",
	"sendfile":               "sendfile",
	"ptsname":                "ioctl",
	"gethostname":            "uname",
	"sethostname":            "sethostname",
	"clock":                  "clock_gettime",
	"ftime":                  "clock_gettime",
	"gettimeofday":           "gettimeofday",
	"settimeofday":           "settimeofday",
	"pkey_mprotect":          "pkey_mprotect",
	"getpeereid":             "getsockopt",
	"if_nametoindex":         "socket ioctl",
	"getifaddrs":             "socket bind sendto recvmsg",
	"getaddrinfo":            "socket connect bind sendmmsg recvfrom openat poll",
	"gethostbyname":          "socket connect bind sendmmsg recvfrom openat poll",
	"syslog":                 "socket connect sendto",
	"getpwnam":               "socket connect openat",
	"getpwuid":               "socket connect openat",
	"getgrnam":               "socket connect openat",
	"aio_read":               "clone clone3 pread64",
	"aio_write":              "clone clone3 pwrite64",
	"aio_fsync":              "fsync",
	"timer_create":           "timer_create clone",
	"get_nprocs":             "openat sched_getaffinity",
	"sysconf":                "openat prlimit64",
	"copy_file_range":        "copy_file_range",
	"splice":                 "splice",
	"memfd_create":           "memfd_create",
	"shmget":                 "shmget",
	"getentropy":             "getrandom",
	"arc4random":             "getrandom",
	"fchmodat":               "fchmodat2",
}

// same are functions that make the system call of their name (syscalls(2)).
const same = `open creat unlink rmdir rename mkdir link symlink readlink chmod chown lchown mknod utime utimes truncate fork vfork
	pipe dup2 epoll_create epoll_wait eventfd signalfd inotify_init getrlimit setrlimit alarm accept fcntl ioctl kill access acct
	chdir chroot clone close_range copy_file_range dup dup3 epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 execve execveat
	faccessat faccessat2 fadvise64 fallocate fanotify_init fchdir fchmod fchown fchownat fdatasync fgetxattr flistxattr flock
	fremovexattr fsetxattr fstatfs fsync ftruncate getcpu getgroups getitimer getpgid getpgrp getpriority getresgid getresuid
	getrusage getsid getxattr inotify_add_watch inotify_init1 inotify_rm_watch ioprio_get ioprio_set lgetxattr linkat listen
	listxattr llistxattr lremovexattr lsetxattr lstat madvise membarrier memfd_create mincore mkdirat mknodat mlock mlock2
	mlockall mq_getsetattr mq_open mq_timedreceive mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock
	munlockall name_to_handle_at openat openat2 pause personality pidfd_open pidfd_send_signal pipe2 pkey_alloc pkey_free
	pkey_mprotect prctl preadv preadv2 process_madvise pwritev pwritev2 quotactl readahead readlinkat recvmmsg removexattr
	renameat renameat2 sched_getattr sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min
	sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler semctl semget semop sendmmsg setfsgid
	setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setsid setuid setxattr shmat
	shmctl shmdt shmget sigaltstack socket socketpair bind connect splice stat statfs statx symlinkat sync sync_file_range syncfs
	tee timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime umask unlinkat utimensat vmsplice
	waitid`

// staticCalls are what a program without a C library of its own to name them may well call: files, processes, sockets and events.
const staticCalls = `chdir chmod chown clone clone3 close_range copy_file_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait
	execve faccessat faccessat2 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fdatasync fgetxattr flistxattr flock
	fork fstatfs fsync ftruncate getdents64 getgroups getpgid getpgrp getpriority getrusage getxattr inotify_add_watch
	inotify_init1 inotify_rm_watch lgetxattr link linkat listxattr lstat memfd_create mincore mkdir mkdirat mknod mknodat mlock
	msync munlock open openat openat2 pidfd_open pidfd_send_signal pipe pipe2 preadv prlimit64 pwritev readlink readlinkat rename
	renameat renameat2 rmdir setgid setgroups setitimer setpgid setpriority setresgid setresuid setsid setuid setxattr socket
	socketpair bind connect listen splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee timer_create
	timer_delete timer_settime timerfd_create truncate umask unlink unlinkat utimensat vfork wait4 waitid`

// callsOf maps functions to system calls.
var callsOf = func() map[string][]string {
	table := map[string][]string{}
	for _, name := range strings.Fields(same) {
		table[name] = []string{name}
	}
	for function, calls := range wrappers {
		table[function] = append(table[function], strings.Fields(calls)...)
	}
	return table
}()

// libc says whether a file is the C library itself, which has every function.
func libc(soname string) bool {
	name, _, _ := strings.Cut(soname, ".so")
	return slices.Contains([]string{"libc", "libpthread", "librt", "libdl", "libm", "libc.musl-x86_64", "libc.musl-aarch64", "libresolv"},
		name) || strings.HasPrefix(name, "ld-")
}

// readCalls lists the system calls that the functions named in the dynamic string table may make; of a static program, what such may make.
func (m *image) readCalls(dynstr extent) error {
	if m.file.Static {
		m.file.Syscalls = slices.Sorted(slices.Values(strings.Fields(staticCalls)))
		return nil
	}
	if dynstr.size == 0 || dynstr.size > maxCallNames || libc(m.file.Soname) {
		return nil
	}
	table, err := m.bytesAt(dynstr.off, dynstr.size, "string table")
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for len(table) > 0 {
		name, rest, _ := bytes.Cut(table, []byte{0})
		table = rest
		if len(name) == 0 || len(name) > 40 {
			continue
		}
		for _, call := range callsOf[strings.TrimSuffix(strings.TrimLeft(string(name), "_"), "64")] {
			found[call] = true
		}
		for _, call := range callsOf[string(name)] {
			found[call] = true
		}
	}
	m.file.Syscalls = slices.Sorted(maps.Keys(found))
	return nil
}
