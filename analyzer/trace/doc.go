// Package trace runs a program under ptrace and records which paths it looks up, without any privilege: a seccomp filter
// (SECCOMP_RET_TRACE) stops the program at the system calls that take a path and at no others. Where a filter would change
// the program (no_new_privs takes setuid programs their privileges) it stops at every call instead.
//
// The recorder keeps no file contents. A path is resolved when the call begins, one component at a time as the kernel does,
// so that each symlink on the way is known. The tracer waits for the result of the call only where the look-up alone does not
// determine it (a process that is not root, a call that makes or changes something).
//
// The seccomp filters are assembled here (filter_linux.go, enforce_linux.go): libseccomp needs cgo, and the agent is one static program
// without a C library. A filter is compiled from the OCI runtime's JSON profile, so that the check enforces the same file that the
// user receives.
//
// The tests compare the evidence with programs that do every kind of access (access_test.go), and with the output of strace.
package trace
