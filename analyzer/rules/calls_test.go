package rules_test

import (
	"slices"
	"testing"

	"github.com/slimimage/slim/analyzer/rules"
)

func TestCalls(t *testing.T) {
	for function, want := range map[string]string{
		"preadv64v2": "preadv2", "pwritev64v2": "pwritev2", "__open64_2": "openat", "__openat64_2": "openat", "__xstat": "newfstatat",
		"__fxstatat64": "newfstatat",
		"__read_chk":   "read", "__pread64_chk": "pread64", "_IO_getc": "", "_IO_fopen": "openat", "fopen64": "openat", "getxattr": "getxattr",
		"__clock_gettime64":  "clock_gettime",
		"__utimensat_time64": "utimensat", "getpwnam_r": "connect", "fstatat64": "newfstatat", "timer_create": "timer_create",
		"inotify_init": "inotify_init",
		"__xmknod":     "mknodat", "__libc_fcntl64": "fcntl", "readdir64_r": "getdents64", "pthread_setname_np": "prctl",
		"posix_fadvise64": "fadvise64", "sendfile64": "sendfile",
		"ftruncate64": "ftruncate", "__poll_chk": "poll", "__realpath_chk": "readlink", "capset": "capset", "no_such_function": "",
		"_ZN5mkdirEv": "", "signalfd": "signalfd4",
		"mq_setattr": "mq_getsetattr", "sync_file_range": "sync_file_range", "epoll_create": "epoll_create",
	} {
		got := rules.Calls([]string{function})
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("Calls(%s) = %q, want %q among them", function, got, want)
		}
	}
}

// What the tables name must be system calls, or nobody would ever be allowed them.
func TestCallTables(t *testing.T) {
	known := map[string]bool{}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, name := range rules.CallNames(arch) {
			known[name] = true
		}
	}
	for _, name := range rules.FunctionNames() {
		for _, call := range rules.Calls([]string{name}) {
			if !known[call] {
				t.Errorf("%s makes %s, which is no system call", name, call)
			}
		}
	}
	for _, call := range rules.StaticCalls() {
		if !known[call] {
			t.Errorf("static programs make %s, which is no system call", call)
		}
	}
}

func TestCallNames(t *testing.T) {
	for arch, want := range map[string]map[int]string{
		"amd64": {0: "read", 59: "execve", 334: "rseq", 424: "pidfd_send_signal", 439: "faccessat2", 340: ""},
		"arm64": {0: "io_setup", 56: "openat", 221: "execve", 260: "wait4", 291: "statx", 439: "faccessat2", 250: ""},
		"vax":   {0: ""},
	} {
		for number, name := range want {
			if got := rules.CallNames(arch)[number]; got != name {
				t.Errorf("CallNames(%s)[%d] = %q, want %q", arch, number, got, name)
			}
		}
	}
}
