package analyzer

import "slices"

// capabilityNames are the capabilities of Linux in the order of their numbers (include/uapi/linux/capability.h, capabilities(7)).
var capabilityNames = []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
	"CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"}

// defaultCapabilities are those that Docker gives a container (moby, daemon/pkg/oci/caps/defaults.go) and BuildKit a step (containerd,
// pkg/oci/spec.go, defaultUnixCaps).
var defaultCapabilities = []string{"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"}

// DefaultCapabilities lists the capabilities that Docker and BuildKit give root if nothing else is asked for, sorted.
func DefaultCapabilities() []string { return slices.Clone(defaultCapabilities) }

// CapabilityBit is the bit of a capability in a set ("CAP_CHOWN" is 1). It is 0 for a name that is none.
func CapabilityBit(name string) uint64 {
	number := slices.Index(capabilityNames, name)
	if number < 0 {
		return 0
	}
	return 1 << number
}

// CapabilitySet lists the names of the capabilities in a set, sorted. Bits that no name stands for are left out.
func CapabilitySet(bits uint64) []string {
	var names []string
	for number, name := range capabilityNames {
		if bits&(1<<number) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
