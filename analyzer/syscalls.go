package analyzer

import "strings"

// commonSyscalls are calls that nearly every program makes, so often that stopping at each would slow it down, and that give it no
// power over anything but itself and the descriptors it has. An observation does not record them: whoever makes a filter adds them.
const commonSyscalls = `read write readv writev pread64 pwrite64 lseek close fstat mmap munmap mremap mprotect madvise mincore msync brk
	rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait
	sched_yield nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getrusage getpid gettid getppid
	getuid geteuid getgid getegid getcwd futex set_robust_list rseq set_tid_address exit exit_group wait4 restart_syscall tgkill
	sendto recvfrom sendmsg recvmsg accept accept4 getsockopt setsockopt getsockname getpeername shutdown ioctl getrandom
	membarrier fsync fdatasync ftruncate pipe2 eventfd2 timerfd_settime sendfile uname sysinfo prlimit64`

// CommonSyscalls lists the names of the system calls that Evidence.Syscalls leaves out.
func CommonSyscalls() []string { return strings.Fields(commonSyscalls) }
