package rules

import (
	"maps"
	"slices"
	"strings"
)

// functions are functions of the C library and the system calls that they make beside the one of their name (glibc and musl sources;
// syscalls(2)). Names are as spellings gives them; a line that begins with # is a heading.
var functions = table(`
# files
fopen freopen open creat mkstemp mkostemp mkstemps mkostemps shm_open: openat
tmpfile: openat unlink
mkdtemp: mkdir mkdirat
tempnam tmpnam mktemp: lstat newfstatat
opendir scandir ftw glob: openat getdents64
fdopendir readdir getdirentries posix_getdents: getdents64
nftw fts_open: openat getdents64 fchdir
remove: unlink rmdir unlinkat
unlink rmdir: unlinkat
rename: renameat renameat2
mkdir: mkdirat
link: linkat
symlink: symlinkat
readlink: readlinkat
realpath canonicalize_file_name: readlink readlinkat lstat getcwd
chmod lchmod: fchmodat fchmodat2
fchmodat: fchmodat2
chown lchown: fchownat
mkfifo: mknod mknodat
mkfifoat mknod: mknodat
utime utimes lutimes futimes futimens futimesat: utimensat
statvfs: statfs
fstatvfs: fstatfs
posix_fallocate: fallocate
posix_fadvise: fadvise64
stat lstat fstatat: newfstatat statx
fstat: newfstatat
access: faccessat faccessat2
faccessat: faccessat2
eaccess euidaccess: faccessat faccessat2 access
posix_madvise: madvise
lockf: fcntl
isatty: ioctl
ttyname: readlink readlinkat
pread: pread64
pwrite: pwrite64
fseek fseeko telldir seekdir rewinddir: lseek
fclose: close
dprintf: write
shm_unlink: unlink unlinkat
get_current_dir_name: getcwd
# processes
fork vfork: clone
daemon: clone setsid dup2 dup3 chdir
system: clone clone3 vfork execve wait4
popen wordexp: clone clone3 vfork execve wait4 pipe2 dup2 dup3
pclose wait waitpid wait3: wait4
posix_spawn posix_spawnp: clone clone3 vfork execve
pidfd_spawn: clone clone3 execve
execv execvp execvpe execl execlp execle: execve
fexecve: execve execveat
nice: setpriority getpriority
getpgrp: getpgid
setpgrp: setpgid
tcsetpgrp: ioctl
killpg: kill
raise abort: tgkill
signal sigaction siginterrupt: rt_sigaction
sigset: rt_sigaction rt_sigprocmask
sigprocmask sighold sigrelse siglongjmp getcontext setcontext swapcontext: rt_sigprocmask
sigpause sigsuspend: rt_sigsuspend
sigwait sigwaitinfo sigtimedwait: rt_sigtimedwait
sigqueue: rt_sigqueueinfo
sigpending: rt_sigpending
alarm ualarm: setitimer
sleep usleep: clock_nanosleep
# threads
pthread_create: clone clone3 set_robust_list rseq
thrd_create: clone clone3
pthread_setname pthread_getname: prctl openat
pthread_setaffinity: sched_setaffinity
pthread_getaffinity: sched_getaffinity
pthread_setschedparam: sched_setscheduler
pthread_getschedparam: sched_getscheduler sched_getparam
pthread_setschedprio: sched_setparam
pthread_attr_setschedparam pthread_mutex_init: sched_get_priority_min sched_get_priority_max
pthread_getattr get_nprocs: openat sched_getaffinity
pthread_cancel pthread_kill: tgkill
pthread_sigmask: rt_sigprocmask
pthread_sigqueue: rt_tgsigqueueinfo
sched_getcpu: getcpu
get_nprocs_conf: openat getdents64
sysconf: openat prlimit64 sched_getaffinity getdents64
pthread_atfork: clone
aio_read: clone clone3 pread64
aio_write: clone clone3 pwrite64
aio_fsync: clone clone3 fsync fdatasync
lio_listio: clone clone3 pread64 pwrite64
# identity
setegid: setresgid
seteuid: setresuid
initgroups: setgroups socket connect openat
getlogin: ioctl openat
getentropy arc4random: getrandom
getpwnam getpwuid getgrnam getgrgid getgrouplist getspnam: socket connect openat
setpwent setgrent: openat
lckpwdf: openat fcntl alarm setitimer rt_sigaction
# terminals, limits, clocks
openpty: openat ioctl
forkpty: openat ioctl clone setsid
login_tty: setsid ioctl dup2 dup3
posix_openpt getpt getloadavg setlocale newlocale: openat
grantpt unlockpt ptsname tcsetattr tcgetattr tcflush tcdrain: ioctl
getrlimit setrlimit prlimit: prlimit64
gethostname getdomainname: uname
clock ftime timespec_get: clock_gettime
stime: settimeofday clock_settime
adjtime ntp_adjtime ntp_gettime: adjtimex clock_adjtime
timer_create: clone clone3 rt_sigtimedwait
timespec_getres clock_getcpuclockid: clock_getres
dlopen: openat mmap mprotect
# semaphores, queues, events
sem_open: openat link linkat unlink
sem_unlink: unlink unlinkat
sem_wait: futex
mq_receive: mq_timedreceive
mq_send: mq_timedsend
mq_close: close
mq_getattr mq_setattr: mq_getsetattr
mq_notify: socket clone clone3 recvfrom
semtimedop: semop
semop: semtimedop
accept: accept4
send: sendto
recv: recvfrom
dup2: dup3
pipe: pipe2
epoll_create: epoll_create1
epoll_wait: epoll_pwait
eventfd: eventfd2
signalfd: signalfd4
inotify_init: inotify_init1
poll: ppoll
select pselect: pselect6
# network
getpeereid: getsockopt
sockatmark: ioctl
if_nametoindex if_indextoname: socket ioctl
if_nameindex: socket ioctl bind sendto recvmsg
getifaddrs: socket bind sendto recvmsg
getaddrinfo: socket connect bind sendmmsg sendto recvfrom recvmsg openat poll ioctl
getnameinfo: socket connect bind sendto recvfrom openat poll
gethostbyname gethostbyname2 gethostbyaddr: socket connect bind sendmmsg recvfrom openat poll
res_query res_search res_send res_nquery res_nsearch res_nsend: socket connect bind sendmmsg recvfrom poll
syslog vsyslog: socket connect sendto
openlog: socket connect
`)

// table reads lines of names, a colon and what each of them stands for.
func table(text string) map[string][]string {
	table := map[string][]string{}
	for _, line := range strings.Split(text, "\n") {
		names, calls, ok := strings.Cut(line, ":")
		if !ok {
			continue // a heading
		}
		for _, name := range strings.Fields(names) {
			table[name] = append(table[name], strings.Fields(calls)...)
		}
	}
	return table
}

// prefixes and suffixes are what C libraries put around a function's name for another version or width of it: glibc's fortified
// functions (_chk, _2), its private ones, those with wide numbers, and variants by a thread's state or language.
var (
	prefixes = []string{"libc_", "IO_", "isoc99_", "isoc23_", "xpg_", "GI_"}
	suffixes = []string{"_chk", "_2", "_nocancel", "_internal", "_time64", "64", "_unlocked", "_np", "_r", "_l"}
	// stats are what programs compiled before glibc 2.33 import for functions that were macros (glibc io/sys/stat.h).
	stats = map[string]string{"xstat": "stat", "lxstat": "lstat", "fxstat": "fstat", "fxstatat": "fstatat", "xmknod": "mknod",
		"xmknodat": "mknodat"}
)

// spellings are the names that an imported function may have in the tables: its own, and what is left without the marks of a version.
func spellings(name string) []string {
	name = strings.TrimLeft(name, "_")
	for _, prefix := range prefixes {
		name = strings.TrimPrefix(name, prefix)
	}
	list := []string{name}
	for range 3 {
		last := list[len(list)-1]
		next := strings.Replace(last, "64v2", "2", 1)
		for _, suffix := range suffixes {
			if next != last {
				break
			}
			next = strings.TrimSuffix(last, suffix)
		}
		if next == last || next == "" {
			break
		}
		list = append(list, next)
	}
	if plain := stats[list[len(list)-1]]; plain != "" {
		list = append(list, plain)
	}
	return list
}

// Calls are the system calls that imported functions may make, sorted: the one of the function's name, whoever defines it, and what the C
// library's function of that name is known to do.
func Calls(imports []string) []string {
	found := map[string]bool{}
	for _, name := range imports {
		for _, spelling := range spellings(name) {
			if everyCall[spelling] {
				found[spelling] = true
			}
			for _, call := range functions[spelling] {
				found[call] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// StaticCalls are what a program without a C library of its own to name them may well call: files, processes, sockets and events
// (the packages os, net and os/exec of Go, and what static C libraries do).
func StaticCalls() []string { return strings.Fields(staticCalls) }

const staticCalls = `chdir chmod chown clone clone3 close_range copy_file_range dup dup2 dup3 epoll_create1 epoll_ctl epoll_pwait execve faccessat
	faccessat2 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fdatasync fgetxattr flistxattr flock fork fstatfs fsync
	ftruncate getdents64 getgroups getpgid getpgrp getpriority getrusage getxattr inotify_add_watch inotify_init1 inotify_rm_watch
	lgetxattr link linkat listxattr lstat memfd_create mincore mkdir mkdirat mknod mknodat mlock msync munlock open openat openat2
	pidfd_open pidfd_send_signal pipe pipe2 preadv prlimit64 pwritev readlink readlinkat rename renameat renameat2 rmdir setgid
	setgroups setitimer setpgid setpriority setresgid setresuid setsid setuid setxattr socket socketpair bind connect listen splice
	stat statfs statx symlink symlinkat sync sync_file_range syncfs tee timer_create timer_delete timer_settime timerfd_create
	truncate umask unlink unlinkat utimensat vfork wait4 waitid`
