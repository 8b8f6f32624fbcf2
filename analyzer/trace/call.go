package trace

// kind is what a system call does with its path.
type kind uint8

const (
	kindOpen kind = iota + 1
	kindOpen2
	kindCreat
	kindStat
	kindReadlink
	kindExec
	kindChdir
	kindFchdir
	kindFchange
	kindChroot
	kindList
	kindCreate
	kindChange
	kindRemove
	kindRename
	kindLink
	kindSymlink
	kindConnect
	kindSocketcall
	kindBind
	kindIDs
	kindDup
	kindAccept
	kindKill
	kindListen
	kindAsk
	kindAim
)

// call describes one system call: which argument holds the directory descriptor (-1: relative to the working directory),
// the path and the AT_ flags (-1: none). nofollow says that a symlink at the end is not followed.
type call struct {
	name             string
	kind             kind
	dir, path, flags int8
	nofollow         bool
}

// calls are the system calls that a filter stops at; the tables of numbers, one an architecture, name them.
var calls = map[string]call{
	"open":               {"open", kindOpen, -1, 0, 1, false},
	"creat":              {"creat", kindCreat, -1, 0, -1, false},
	"openat":             {"openat", kindOpen, 0, 1, 2, false},
	"openat2":            {"openat2", kindOpen2, 0, 1, 2, false},
	"stat":               {"stat", kindStat, -1, 0, -1, false},
	"lstat":              {"lstat", kindStat, -1, 0, -1, true},
	"stat64":             {"stat64", kindStat, -1, 0, -1, false},
	"lstat64":            {"lstat64", kindStat, -1, 0, -1, true},
	"newfstatat":         {"newfstatat", kindStat, 0, 1, 3, false},
	"fstatat64":          {"fstatat64", kindStat, 0, 1, 3, false},
	"statx":              {"statx", kindStat, 0, 1, 2, false},
	"access":             {"access", kindStat, -1, 0, -1, false},
	"faccessat":          {"faccessat", kindStat, 0, 1, -1, false},
	"faccessat2":         {"faccessat2", kindStat, 0, 1, 3, false},
	"statfs":             {"statfs", kindStat, -1, 0, -1, false},
	"statfs64":           {"statfs64", kindStat, -1, 0, -1, false},
	"getxattr":           {"getxattr", kindStat, -1, 0, -1, false},
	"lgetxattr":          {"lgetxattr", kindStat, -1, 0, -1, true},
	"listxattr":          {"listxattr", kindStat, -1, 0, -1, false},
	"llistxattr":         {"llistxattr", kindStat, -1, 0, -1, true},
	"getxattrat":         {"getxattrat", kindStat, 0, 1, 2, false},
	"listxattrat":        {"listxattrat", kindStat, 0, 1, 2, false},
	"name_to_handle_at":  {"name_to_handle_at", kindStat, 0, 1, -1, false},
	"inotify_add_watch":  {"inotify_add_watch", kindStat, -1, 1, -1, false},
	"readlink":           {"readlink", kindReadlink, -1, 0, -1, true},
	"readlinkat":         {"readlinkat", kindReadlink, 0, 1, -1, true},
	"execve":             {"execve", kindExec, -1, 0, -1, false},
	"execveat":           {"execveat", kindExec, 0, 1, 4, false},
	"uselib":             {"uselib", kindStat, -1, 0, -1, false},
	"chdir":              {"chdir", kindChdir, -1, 0, -1, false},
	"fchdir":             {"fchdir", kindFchdir, 0, -1, -1, false},
	"chroot":             {"chroot", kindChroot, -1, 0, -1, false},
	"getdents":           {"getdents", kindList, 0, -1, -1, false},
	"getdents64":         {"getdents64", kindList, 0, -1, -1, false},
	"mkdir":              {"mkdir", kindCreate, -1, 0, -1, true},
	"mkdirat":            {"mkdirat", kindCreate, 0, 1, -1, true},
	"mknod":              {"mknod", kindCreate, -1, 0, -1, true},
	"mknodat":            {"mknodat", kindCreate, 0, 1, -1, true},
	"truncate":           {"truncate", kindChange, -1, 0, -1, false},
	"truncate64":         {"truncate64", kindChange, -1, 0, -1, false},
	"chmod":              {"chmod", kindChange, -1, 0, -1, false},
	"fchmodat":           {"fchmodat", kindChange, 0, 1, -1, false},
	"fchmodat2":          {"fchmodat2", kindChange, 0, 1, 3, false},
	"chown":              {"chown", kindChange, -1, 0, -1, false},
	"chown32":            {"chown32", kindChange, -1, 0, -1, false},
	"lchown":             {"lchown", kindChange, -1, 0, -1, true},
	"lchown32":           {"lchown32", kindChange, -1, 0, -1, true},
	"fchownat":           {"fchownat", kindChange, 0, 1, 4, false},
	"fchmod":             {"fchmod", kindFchange, 0, -1, -1, false},
	"fchown":             {"fchown", kindFchange, 0, -1, -1, false},
	"fchown32":           {"fchown32", kindFchange, 0, -1, -1, false},
	"utime":              {"utime", kindChange, -1, 0, -1, false},
	"utimes":             {"utimes", kindChange, -1, 0, -1, false},
	"futimesat":          {"futimesat", kindChange, 0, 1, -1, false},
	"utimensat":          {"utimensat", kindChange, 0, 1, 3, false},
	"utimensat_time64":   {"utimensat_time64", kindChange, 0, 1, 3, false},
	"setxattr":           {"setxattr", kindChange, -1, 0, -1, false},
	"lsetxattr":          {"lsetxattr", kindChange, -1, 0, -1, true},
	"removexattr":        {"removexattr", kindChange, -1, 0, -1, false},
	"lremovexattr":       {"lremovexattr", kindChange, -1, 0, -1, true},
	"setxattrat":         {"setxattrat", kindChange, 0, 1, 2, false},
	"removexattrat":      {"removexattrat", kindChange, 0, 1, 2, false},
	"unlink":             {"unlink", kindRemove, -1, 0, -1, true},
	"rmdir":              {"rmdir", kindRemove, -1, 0, -1, true},
	"unlinkat":           {"unlinkat", kindRemove, 0, 1, -1, true},
	"rename":             {"rename", kindRename, -1, 0, -1, true},
	"renameat":           {"renameat", kindRename, 0, 1, -1, true},
	"renameat2":          {"renameat2", kindRename, 0, 1, -1, true},
	"link":               {"link", kindLink, -1, 0, -1, true},
	"linkat":             {"linkat", kindLink, 0, 1, -1, true},
	"symlink":            {"symlink", kindSymlink, -1, 1, -1, true},
	"symlinkat":          {"symlinkat", kindSymlink, 1, 2, -1, true},
	"connect":            {"connect", kindConnect, -1, -1, -1, false},
	"bind":               {"bind", kindBind, -1, -1, -1, false},
	"socketcall":         {"socketcall", kindSocketcall, -1, -1, -1, false},
	"setuid":             {"setuid", kindIDs, -1, -1, -1, false},
	"setgid":             {"setgid", kindIDs, -1, -1, -1, false},
	"setreuid":           {"setreuid", kindIDs, -1, -1, -1, false},
	"setregid":           {"setregid", kindIDs, -1, -1, -1, false},
	"setresuid":          {"setresuid", kindIDs, -1, -1, -1, false},
	"setresgid":          {"setresgid", kindIDs, -1, -1, -1, false},
	"setfsuid":           {"setfsuid", kindIDs, -1, -1, -1, false},
	"setuid32":           {"setuid32", kindIDs, -1, -1, -1, false},
	"setgid32":           {"setgid32", kindIDs, -1, -1, -1, false},
	"setreuid32":         {"setreuid32", kindIDs, -1, -1, -1, false},
	"setregid32":         {"setregid32", kindIDs, -1, -1, -1, false},
	"setresuid32":        {"setresuid32", kindIDs, -1, -1, -1, false},
	"setresgid32":        {"setresgid32", kindIDs, -1, -1, -1, false},
	"setfsuid32":         {"setfsuid32", kindIDs, -1, -1, -1, false},
	"setfsgid":           {"setfsgid", kindIDs, -1, -1, -1, false},
	"setfsgid32":         {"setfsgid32", kindIDs, -1, -1, -1, false},
	"accept":             {"accept", kindAccept, -1, -1, -1, false},
	"accept4":            {"accept4", kindAccept, -1, -1, -1, false},
	"kill":               {"kill", kindKill, -1, -1, -1, false},
	"ioctl":              {"ioctl", kindAim, -1, -1, -1, false},
	"listen":             {"listen", kindListen, -1, -1, -1, false},
	"mount":              {"mount", kindAsk, -1, -1, -1, false},
	"umount2":            {"umount2", kindAsk, -1, -1, -1, false},
	"pivot_root":         {"pivot_root", kindAsk, -1, -1, -1, false},
	"setgroups":          {"setgroups", kindAsk, -1, -1, -1, false},
	"setgroups32":        {"setgroups32", kindAsk, -1, -1, -1, false},
	"socket":             {"socket", kindAsk, -1, -1, -1, false},
	"tkill":              {"tkill", kindAim, -1, -1, -1, false},
	"tgkill":             {"tgkill", kindAim, -1, -1, -1, false},
	"rt_sigqueueinfo":    {"rt_sigqueueinfo", kindAim, -1, -1, -1, false},
	"rt_tgsigqueueinfo":  {"rt_tgsigqueueinfo", kindAim, -1, -1, -1, false},
	"ptrace":             {"ptrace", kindAim, -1, -1, -1, false},
	"process_vm_readv":   {"process_vm_readv", kindAim, -1, -1, -1, false},
	"process_vm_writev":  {"process_vm_writev", kindAim, -1, -1, -1, false},
	"process_madvise":    {"process_madvise", kindAim, -1, -1, -1, false},
	"process_mrelease":   {"process_mrelease", kindAim, -1, -1, -1, false},
	"pidfd_open":         {"pidfd_open", kindAim, -1, -1, -1, false},
	"pidfd_send_signal":  {"pidfd_send_signal", kindAim, -1, -1, -1, false},
	"pidfd_getfd":        {"pidfd_getfd", kindAim, -1, -1, -1, false},
	"kcmp":               {"kcmp", kindAim, -1, -1, -1, false},
	"prlimit64":          {"prlimit64", kindAim, -1, -1, -1, false},
	"setpriority":        {"setpriority", kindAim, -1, -1, -1, false},
	"ioprio_set":         {"ioprio_set", kindAim, -1, -1, -1, false},
	"sched_setaffinity":  {"sched_setaffinity", kindAim, -1, -1, -1, false},
	"sched_setscheduler": {"sched_setscheduler", kindAim, -1, -1, -1, false},
	"sched_setparam":     {"sched_setparam", kindAim, -1, -1, -1, false},
	"sched_setattr":      {"sched_setattr", kindAim, -1, -1, -1, false},
	"migrate_pages":      {"migrate_pages", kindAim, -1, -1, -1, false},
	"move_pages":         {"move_pages", kindAim, -1, -1, -1, false},
	"dup":                {"dup", kindDup, -1, -1, -1, false},
	"dup2":               {"dup2", kindDup, -1, -1, -1, false},
	"dup3":               {"dup3", kindDup, -1, -1, -1, false},
	"fcntl":              {"fcntl", kindDup, -1, -1, -1, false},
	"fcntl64":            {"fcntl64", kindDup, -1, -1, -1, false},
}
