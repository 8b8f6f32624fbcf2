package profile

import "github.com/moby/profiles/seccomp"

// defaultRules are those of Docker's default profile, in its order. Its own flattening is for the machine it runs on; ours is for the
// platform of the image.
func defaultRules() []rule {
	var rules []rule
	for _, call := range seccomp.DefaultProfile().Syscalls {
		r := rule{LinuxSyscall: call.LinuxSyscall}
		if f := call.Includes; f != nil {
			r.includeCaps, r.includeArches = f.Caps, f.Arches
		}
		if f := call.Excludes; f != nil {
			r.excludeCaps, r.excludeArches = f.Caps, f.Arches
		}
		rules = append(rules, r)
	}
	return rules
}
