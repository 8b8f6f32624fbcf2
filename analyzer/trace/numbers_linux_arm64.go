//go:build linux

package trace

import "golang.org/x/sys/unix"

// nativeArch is the audit architecture of this machine's own calls (linux/audit.h).
const nativeArch = unix.AUDIT_ARCH_AARCH64

// ioURingSetup is answered with ENOSYS, so that programs fall back to calls that can be seen.
const ioURingSetup = unix.SYS_IO_URING_SETUP

// nativeCalls are the numbers of calls on this architecture (linux/unistd.h).
var nativeCalls = map[uint32]string{
	unix.SYS_IOCTL:              "ioctl",
	unix.SYS_TKILL:              "tkill",
	unix.SYS_TGKILL:             "tgkill",
	unix.SYS_RT_SIGQUEUEINFO:    "rt_sigqueueinfo",
	unix.SYS_RT_TGSIGQUEUEINFO:  "rt_tgsigqueueinfo",
	unix.SYS_PTRACE:             "ptrace",
	unix.SYS_PROCESS_VM_READV:   "process_vm_readv",
	unix.SYS_PROCESS_VM_WRITEV:  "process_vm_writev",
	unix.SYS_PROCESS_MADVISE:    "process_madvise",
	unix.SYS_PROCESS_MRELEASE:   "process_mrelease",
	unix.SYS_PIDFD_OPEN:         "pidfd_open",
	unix.SYS_PIDFD_SEND_SIGNAL:  "pidfd_send_signal",
	unix.SYS_PIDFD_GETFD:        "pidfd_getfd",
	unix.SYS_KCMP:               "kcmp",
	unix.SYS_PRLIMIT64:          "prlimit64",
	unix.SYS_SETPRIORITY:        "setpriority",
	unix.SYS_IOPRIO_SET:         "ioprio_set",
	unix.SYS_SCHED_SETAFFINITY:  "sched_setaffinity",
	unix.SYS_SCHED_SETSCHEDULER: "sched_setscheduler",
	unix.SYS_SCHED_SETPARAM:     "sched_setparam",
	unix.SYS_SCHED_SETATTR:      "sched_setattr",
	unix.SYS_MIGRATE_PAGES:      "migrate_pages",
	unix.SYS_MOVE_PAGES:         "move_pages",
	unix.SYS_SETFSGID:           "setfsgid",
	unix.SYS_ACCEPT:             "accept",
	unix.SYS_ACCEPT4:            "accept4",
	unix.SYS_KILL:               "kill",
	unix.SYS_LISTEN:             "listen",
	unix.SYS_MOUNT:              "mount",
	unix.SYS_UMOUNT2:            "umount2",
	unix.SYS_PIVOT_ROOT:         "pivot_root",
	unix.SYS_SETGROUPS:          "setgroups",
	unix.SYS_SOCKET:             "socket",
	unix.SYS_FCHMOD:             "fchmod",
	unix.SYS_FCHOWN:             "fchown",
	unix.SYS_SETXATTRAT:         "setxattrat",
	unix.SYS_GETXATTRAT:         "getxattrat",
	unix.SYS_LISTXATTRAT:        "listxattrat",
	unix.SYS_REMOVEXATTRAT:      "removexattrat",
	unix.SYS_SETXATTR:           "setxattr",
	unix.SYS_LSETXATTR:          "lsetxattr",
	unix.SYS_GETXATTR:           "getxattr",
	unix.SYS_LGETXATTR:          "lgetxattr",
	unix.SYS_LISTXATTR:          "listxattr",
	unix.SYS_LLISTXATTR:         "llistxattr",
	unix.SYS_REMOVEXATTR:        "removexattr",
	unix.SYS_LREMOVEXATTR:       "lremovexattr",
	unix.SYS_DUP:                "dup",
	unix.SYS_DUP3:               "dup3",
	unix.SYS_FCNTL:              "fcntl",
	unix.SYS_INOTIFY_ADD_WATCH:  "inotify_add_watch",
	unix.SYS_MKNODAT:            "mknodat",
	unix.SYS_MKDIRAT:            "mkdirat",
	unix.SYS_UNLINKAT:           "unlinkat",
	unix.SYS_SYMLINKAT:          "symlinkat",
	unix.SYS_LINKAT:             "linkat",
	unix.SYS_RENAMEAT:           "renameat",
	unix.SYS_STATFS:             "statfs",
	unix.SYS_TRUNCATE:           "truncate",
	unix.SYS_FACCESSAT:          "faccessat",
	unix.SYS_CHDIR:              "chdir",
	unix.SYS_FCHDIR:             "fchdir",
	unix.SYS_CHROOT:             "chroot",
	unix.SYS_FCHMODAT:           "fchmodat",
	unix.SYS_FCHOWNAT:           "fchownat",
	unix.SYS_OPENAT:             "openat",
	unix.SYS_GETDENTS64:         "getdents64",
	unix.SYS_READLINKAT:         "readlinkat",
	unix.SYS_FSTATAT:            "newfstatat",
	unix.SYS_UTIMENSAT:          "utimensat",
	unix.SYS_SETREGID:           "setregid",
	unix.SYS_SETGID:             "setgid",
	unix.SYS_SETREUID:           "setreuid",
	unix.SYS_SETUID:             "setuid",
	unix.SYS_SETRESUID:          "setresuid",
	unix.SYS_SETRESGID:          "setresgid",
	unix.SYS_SETFSUID:           "setfsuid",
	unix.SYS_BIND:               "bind",
	unix.SYS_CONNECT:            "connect",
	unix.SYS_EXECVE:             "execve",
	unix.SYS_NAME_TO_HANDLE_AT:  "name_to_handle_at",
	unix.SYS_RENAMEAT2:          "renameat2",
	unix.SYS_EXECVEAT:           "execveat",
	unix.SYS_STATX:              "statx",
	unix.SYS_OPENAT2:            "openat2",
	unix.SYS_FACCESSAT2:         "faccessat2",
	unix.SYS_FCHMODAT2:          "fchmodat2",
}

// compatArch is the 32-bit ABI of this machine (AArch32); its calls are not recorded.
const compatArch = unix.AUDIT_ARCH_ARM

var compatCalls = map[uint32]string{}

// x32Calls is empty: the ABI is one of x86.
var x32Calls = map[uint32]string{}
