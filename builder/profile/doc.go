// Package profile turns what was seen of an image into the files that confine it where it runs: a seccomp filter, an AppArmor profile,
// a docker line, a compose file, Kubernetes manifests and admission policies. From makes one Model of the evidence and the plan; each
// generator is a pure function of that Model, so the same Model always gives the same bytes.
//
// A run never takes every path of a program, so it shows fewer calls than the program needs. The filter therefore also holds what the
// container runtime and the program's language runtime need in general, and the siblings of each call that was seen (openat for open,
// recvmsg for recvfrom). In the other direction it is never looser than Docker's default profile for a container without capabilities.
//
// The file is the OCI runtime's JSON form of a filter, which the runtimes compile to BPF themselves; for the check, the agent compiles it
// (analyzer/trace). Docker's default profile comes from its own module (github.com/moby/profiles/seccomp).
package profile
