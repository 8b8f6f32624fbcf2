package analyzer

import "slices"

// DefaultPath is the PATH of a container whose config has none (moby, oci/defaults.go; BuildKit, util/system/path.go).
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// HealthArgv is the command of a HEALTHCHECK as a config has it: ["CMD", ARG...], ["CMD-SHELL", LINE] or ["NONE"]. shell runs LINE;
// /bin/sh -c when empty. It is nil without a command.
func HealthArgv(test, shell []string) []string {
	if len(test) < 2 {
		return nil
	}
	switch test[0] {
	case "CMD":
		return slices.Clone(test[1:])
	case "CMD-SHELL":
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(slices.Clone(shell), test[1])
	}
	return nil
}
