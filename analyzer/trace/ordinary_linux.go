package trace

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unlimited is RLIM_INFINITY (getrlimit(2)).
const unlimited = ^uint64(0)

// ordinaryLimits are the soft resource limits of a container: those of Docker's engine and of the kernel. A hard limit that is lower
// stays, because only CAP_SYS_RESOURCE raises one. No core file is written, because it would be a file of the image.
var ordinaryLimits = map[int]uint64{
	unix.RLIMIT_CPU: unlimited, unix.RLIMIT_FSIZE: unlimited, unix.RLIMIT_DATA: unlimited, unix.RLIMIT_AS: unlimited,
	unix.RLIMIT_RSS: unlimited, unix.RLIMIT_NPROC: unlimited, unix.RLIMIT_LOCKS: unlimited, unix.RLIMIT_SIGPENDING: unlimited,
	unix.RLIMIT_RTTIME: unlimited, unix.RLIMIT_STACK: 8 << 20, unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 1 << 20, unix.RLIMIT_MEMLOCK: 8 << 20,
	unix.RLIMIT_MSGQUEUE: 819200, unix.RLIMIT_NICE: 0, unix.RLIMIT_RTPRIO: 0,
}

// expendable makes the kernel end this process, which becomes the application, rather than its tracer or the rest of the machine when
// memory runs out (proc_pid_oom_score_adj(5)).
func expendable() { _ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0) }

// ordinary gives this process the environment in which a container runtime starts a program, whatever started the agent: resource limits,
// umask, execution domain, signals. The signal handlers of this program do not survive an exec, but ignored and blocked signals would.
func ordinary() {
	unix.Umask(0o022)
	for resource, soft := range ordinaryLimits {
		var limit unix.Rlimit
		if unix.Getrlimit(resource, &limit) == nil {
			limit.Cur = min(soft, limit.Max)
			_ = unix.Setrlimit(resource, &limit) // permitted to everyone
		}
	}
	_, _, _ = unix.RawSyscall(unix.SYS_PERSONALITY, 0, 0, 0) // PER_LINUX; setarch(8) changes it
	var none uint64
	const size = unsafe.Sizeof(none) // of a signal set
	for signal := uintptr(1); signal <= 64; signal++ {
		var action [4]uint64 // struct sigaction of the kernel: the handler, flags, a restorer and the mask
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, signal, 0, uintptr(unsafe.Pointer(&action)), size, 0, 0)
		if errno != 0 || action[0] != 1 { // SIG_IGN
			continue
		}
		action = [4]uint64{}
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(&action)), 0, size, 0, 0)
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&none)), 0, size, 0, 0)
}
