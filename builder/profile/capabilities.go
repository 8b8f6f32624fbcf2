package profile

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// capabilities decides which capabilities --cap-add and similar options grant. An ordinary user needs none: without ambient capabilities
// (docker and Kubernetes set none) its effective set stays empty. Only the file capabilities of kept programs must be in the bounding set,
// otherwise the kernel refuses to execute them (security/commoncap.c, bprm_caps_from_vfs_caps). Root needs the capabilities that its
// programs used, and may need those that the system calls that they make or import require.
func (m *Model) capabilities(ev *analyzer.Evidence, plan *analyzer.Plan) {
	need := m.fileCapabilities(plan)
	if m.rootRuns(plan) {
		for _, power := range ev.Powers {
			need[power.Capability] = true
		}
		for name := range m.mayNeed(ev) {
			need[name] = true
		}
	}
	maps.DeleteFunc(need, func(name string, _ bool) bool { return !validCapability.MatchString(name) })
	m.grant(slices.Collect(maps.Keys(need)))
}

// fileCapabilities are those of the kept programs, as far as Docker grants them by default. Programs that have some need new privileges.
func (m *Model) fileCapabilities(plan *analyzer.Plan) map[string]bool {
	need := map[string]bool{}
	if plan == nil {
		return need
	}
	m.NewPrivileges = len(plan.Setuid) > 0
	for i := range plan.Files {
		for _, name := range plan.Files[i].Capabilities {
			if slices.Contains(analyzer.DefaultCapabilities(), name) {
				need[name], m.NewPrivileges = true, true
			}
		}
	}
	if m.NewPrivileges {
		m.warn("programs gain privileges by setuid bits or file capabilities: no_new_privs, which would take them, is not set")
	}
	return need
}

// rootRuns says whether root's programs run: the first one, or those with a setuid bit.
func (m *Model) rootRuns(plan *analyzer.Plan) bool {
	return m.UID == 0 || plan != nil && len(plan.Setuid) > 0
}

// WithCapabilities returns the Model with more capabilities for root; for another user, they change nothing.
func (m Model) WithCapabilities(names []string) Model {
	if len(names) == 0 || m.UID != 0 {
		return m
	}
	m.Warnings = slices.DeleteFunc(slices.Clone(m.Warnings), func(text string) bool { return strings.HasPrefix(text, rootKeeps) })
	m.grant(names)
	slices.Sort(m.Warnings)
	return m
}

// rootKeeps begins the warning about the capabilities of root.
const rootKeeps = "root keeps the capabilities that its programs used or may need: "

// grant adds capabilities.
func (m *Model) grant(names []string) {
	m.Capabilities = sortedSet(slices.Concat(m.Capabilities, names))
	if len(m.Capabilities) == 0 {
		m.Capabilities = nil
		return
	}
	if m.UID == 0 {
		m.warn("%s%s", rootKeeps, strings.Join(m.ShortCapabilities(), ", "))
	}
}

// ShortCapabilities are the capabilities as docker and Kubernetes spell them: "CHOWN".
func (m Model) ShortCapabilities() []string {
	var list []string
	for _, name := range m.Capabilities {
		list = append(list, strings.TrimPrefix(name, "CAP_"))
	}
	return list
}

// mayNeed are the capabilities of Docker's default set that root's programs may need.
func (m *Model) mayNeed(ev *analyzer.Evidence) map[string]bool {
	need := map[string]bool{}
	add := func(names string) {
		for _, name := range strings.Fields(names) {
			need[name] = true
		}
	}
	for calls, names := range capabilitiesOf {
		if slices.ContainsFunc(strings.Fields(calls), func(name string) bool {
			return slices.Contains(m.Syscalls, name) || slices.Contains(m.Possible, name)
		}) {
			add(names)
		}
	}
	if len(m.Syscalls) == 0 {
		add("CAP_CHOWN CAP_FOWNER")
	}
	if m.becomesOthers(ev) {
		add("CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_OVERRIDE") // also for signals to processes of other users, and for their files
	}
	if slices.ContainsFunc(m.Ports, func(p Port) bool { return p.Number < 1024 }) {
		add("CAP_NET_BIND_SERVICE")
	}
	for _, name := range m.Kept {
		if strings.HasPrefix(path.Base(string(name)), "libaudit.so.") {
			add("CAP_AUDIT_WRITE") // libaudit(3): PAM writes each login to the kernel's audit log, and fails where it may not
		}
	}
	return need
}

// becomesOthers reports whether root's programs switch to other users, or may.
func (m *Model) becomesOthers(ev *analyzer.Evidence) bool {
	calls := []string{"setuid", "setreuid", "setresuid", "setfsuid"}
	return len(m.Syscalls) == 0 || slices.ContainsFunc(ev.Processes, func(p analyzer.Process) bool { return p.UID != 0 }) ||
		slices.ContainsFunc(calls, func(name string) bool { return slices.Contains(m.Syscalls, name) || slices.Contains(m.Possible, name) })
}

// capabilitiesOf are the capabilities that system calls of root may need, of those that Docker grants by default (capabilities(7)).
// It leaves out those that only a run can show: CAP_NET_RAW is needed for some sockets only, CAP_MKNOD for some nodes, CAP_SETFCAP for one
// attribute.
var capabilitiesOf = map[string]string{
	"chown fchown lchown fchownat":                 "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID",
	"utime utimes utimensat":                       "CAP_FOWNER",
	"chmod fchmod fchmodat fchmodat2":              "CAP_FOWNER CAP_FSETID",
	"setuid setreuid setresuid setfsuid":           "CAP_SETUID",
	"setgid setregid setresgid setfsgid setgroups": "CAP_SETGID",
	"chroot": "CAP_SYS_CHROOT",
	"capset": "CAP_SETPCAP",
	"bind":   "CAP_NET_BIND_SERVICE",
}
