package trace

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// bound drops the capabilities that the profile does not grant from this thread's bounding set: no program that it executes can gain
// them again (capabilities(7)). Where the set may not be changed, the user is not root and gains nothing anyway.
func (s *spec) bound() error {
	if s.Confine == nil {
		return nil
	}
	granted := s.granted()
	for number := uintptr(0); ; number++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, number, 0, 0, 0)
		if err != nil {
			return nil // the kernel has no capability of this number
		}
		if has == 0 || granted&(1<<number) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, number, 0, 0, 0); err != nil && unix.Geteuid() == 0 {
			return fmt.Errorf("dropping capability %d: %w", number, err)
		}
	}
}

// granted is the bounding set of the profile.
func (s *spec) granted() uint64 {
	var bits uint64
	for _, name := range s.Confine.Capabilities {
		bits |= analyzer.CapabilityBit(name)
	}
	if s.Confine.LowPorts && s.User.UID != 0 {
		bits |= analyzer.CapabilityBit("CAP_NET_BIND_SERVICE")
	}
	return bits
}

// limit leaves root the capabilities of the profile that this process has, and sets no_new_privs. An exec then computes the same sets from
// the bounding set (capabilities(7), P'(permitted) of root).
func (s *spec) limit() error {
	if s.Confine == nil {
		return nil
	}
	if s.User.UID == 0 {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
			return fmt.Errorf("clearing the ambient capabilities: %w", err)
		}
		keep := s.granted() & permitted()
		if err := setCapabilities(keep, 0); err != nil {
			return fmt.Errorf("dropping capabilities: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	return nil
}

// permitted is the permitted set of this thread.
func permitted() uint64 {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return 0
	}
	return uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
}

// setCapabilities sets the permitted and the effective set of this thread to one, and its inheritable set to another.
func setCapabilities(own, inheritable uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(own), Permitted: uint32(own), Inheritable: uint32(inheritable)},
		{Effective: uint32(own >> 32), Permitted: uint32(own >> 32), Inheritable: uint32(inheritable >> 32)},
	}
	return unix.Capset(&header, &data[0])
}

// bindLowPorts leaves the thread CAP_NET_BIND_SERVICE, through exec (capabilities(7), ambient set), and no other capability.
func bindLowPorts() error {
	bit := analyzer.CapabilityBit("CAP_NET_BIND_SERVICE")
	if err := setCapabilities(bit, bit); err != nil {
		_ = setCapabilities(0, 0) // the thread never had the capability
		return nil
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0)
	return nil
}

// Unenforced lists the parts of a profile that this process cannot apply, one sentence each.
func Unenforced(confine *analyzer.Confinement) []string {
	if confine == nil {
		return nil
	}
	var list []string
	lacking := slices.DeleteFunc(slices.Clone(confine.Capabilities), func(name string) bool {
		return permitted()&analyzer.CapabilityBit(name) != 0
	})
	if len(lacking) > 0 {
		list = append(list, "the check ran without "+strings.Join(lacking, ", ")+", which the engine's steps do not have")
	}
	if confine.NewPrivileges {
		list = append(list, "setuid bits and file capabilities had no effect, as for any traced program")
	}
	return list
}
