package profile

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// maxRules bounds the rules of one kind: above it, directories are merged into their parents. The parser's time and the
// kernel's table grow with every rule.
const maxRules = 256

// AppArmor is a profile named "slim-NAME" in the syntax of apparmor.d(5), without includes, so that it loads anywhere. Files of the image
// are read by directory, libraries are mapped, programs run under the same profile, writable directories are written; mounts and writes
// to /proc and /sys are refused. It returns an error if check refuses the Model.
func AppArmor(m Model) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("apparmor: %w", err)
	}
	out := &text{}
	out.line("# AppArmor profile of %s. Load it with: apparmor_parser --replace apparmor.profile", comment(m.Image))
	out.line("profile %s flags=(attach_disconnected,mediate_deleted) {", m.appArmorName())
	out.section("network", m.networkRules())
	out.section("capabilities", m.capabilityRules())
	out.section("the image: data by directory, libraries, programs", m.fileRules())
	out.section("written", m.writableRules())
	out.section("the container's own files", ownRules)
	out.section("signals and tracing: by the runtime and among its own processes", []string{
		"signal (receive) peer=unconfined,", "signal (receive) peer=runc,", "signal (receive) peer=crun,",
		fmt.Sprintf("signal (send,receive) peer=%s,", m.appArmorName()), fmt.Sprintf("ptrace (read,readby) peer=%s,", m.appArmorName())})
	out.section("never", denied)
	out.line("}")
	return out.bytes(), nil
}

func (m Model) appArmorName() string { return "slim-" + m.Name }

// ownRules allow access to the files that the runtime provides in every container.
var ownRules = []string{
	"/ r,",
	"/{dev,etc,run,var,var/run}/ r,",
	"/dev/{full,null,random,tty,urandom,zero} rw,",
	"/dev/{console,fd/*,mqueue/*,ptmx,pts/*,stderr,stdin,stdout,termination-log} rw,",
	"/dev/shm/{,**} rwk,",
	"/etc/{hostname,hosts,resolv.conf} r,",
	"/{,var/}run/secrets/{,**} r,",
	"/proc/{,**} r,",
	"owner /proc/[0-9]*/{,task/[0-9]*/}{comm,coredump_filter,oom_score_adj,timerslack_ns} w,",
	"owner /proc/[0-9]*/fd/* rw,",
	"/sys/{,**} r,",
}

// denied is always refused, without a log entry, even if another rule allows it.
var denied = []string{
	"deny mount,", "deny remount,", "deny umount,", "deny pivot_root,",
	"deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,",
	"deny /proc/sys/** wklx,",
	"deny /proc/* w,",
	"deny /sys/** wklx,",
	"deny /sys/{firmware,kernel/security}/** rwklx,",
}

func (m Model) networkRules() []string {
	rules := []string{"unix,"}
	if len(m.Ports) > 0 || len(m.Peers) > 0 || m.usesNetwork() {
		rules = append(rules, "network inet,", "network inet6,", "network netlink raw,")
	}
	// Not "network raw": it covers every family, including netlink, through which the C library lists the interfaces.
	return append(rules, "network unix,", "deny network alg,", "deny network packet,", "deny network inet raw,", "deny network inet6 raw,")
}

// usesNetwork says whether sockets were made, or may have been.
func (m Model) usesNetwork() bool {
	return len(m.Syscalls) == 0 || slices.Contains(m.Syscalls, "socket")
}

func (m Model) capabilityRules() []string {
	var rules []string
	for _, name := range m.Capabilities {
		rules = append(rules, "capability "+strings.ToLower(strings.TrimPrefix(name, "CAP_"))+",")
	}
	return rules
}

// fileRules allow the kept files by directory: a directory of a slim image holds only kept files.
func (m Model) fileRules() []string {
	data, libraries, programs := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, dir := range m.Listed {
		data[string(dir)] = true
	}
	for _, name := range m.Kept {
		dir := string(parent(name))
		if data[dir] = true; library(name) {
			libraries[dir] = true
		}
	}
	var rules []string
	for _, dir := range fold(data) {
		rules = append(rules, fmt.Sprintf("%s r,", quoteGlob(dir.path, dir.glob("{,", "}"))))
	}
	for _, dir := range fold(libraries) {
		rules = append(rules, fmt.Sprintf("%s mr,", quoteGlob(dir.path, dir.glob("", ".{node,so,so.*}"))))
	}
	if len(m.Programs) > maxRules {
		for _, name := range m.Programs {
			programs[string(parent(name))] = true
		}
		for _, dir := range fold(programs) {
			rules = append(rules, fmt.Sprintf("%s mrix,", quoteGlob(dir.path, dir.glob("", ""))))
		}
		return rules
	}
	for _, name := range m.Programs {
		rules = append(rules, fmt.Sprintf("%s mrix,", quoteGlob(string(name), "")))
	}
	return rules
}

func (m Model) writableRules() []string {
	var rules []string
	for _, w := range m.Writable {
		rules = append(rules, fmt.Sprintf("%s rwkl,", quoteGlob(string(w.Path), "/{,**}")))
	}
	return rules
}

// library says whether a file is mapped with execution allowed although no kernel starts it: shared objects and Node's addons.
func library(name layers.Path) bool {
	base := path.Base(string(name))
	return strings.HasSuffix(base, ".so") || strings.Contains(base, ".so.") || strings.HasSuffix(base, ".node")
}

// folder is a directory that gets a rule, for its own files or for everything below it.
type folder struct {
	path string // "." is the root
	deep bool
}

func (f folder) glob(before, after string) string {
	star := "*"
	if f.deep {
		star = "**"
	}
	if f.path == "." {
		return before + star + after
	}
	return "/" + before + star + after
}

// fold merges directories into their parents, the deepest first, until there are at most maxRules. It never goes above the second
// level ("usr/lib").
func fold(dirs map[string]bool) []folder {
	all := map[folder]bool{}
	deepest := 0
	for dir := range dirs {
		all[folder{path: dir}] = true
		deepest = max(deepest, strings.Count(dir, "/"))
	}
	for depth := deepest; depth > 1 && len(all) > maxRules; depth-- {
		next := map[folder]bool{}
		for f := range all {
			if strings.Count(f.path, "/") == depth {
				f = folder{path: path.Dir(f.path), deep: true}
			}
			next[f] = true
		}
		maps.DeleteFunc(next, func(f folder, _ bool) bool { return !f.deep && next[folder{path: f.path, deep: true}] })
		all = next
	}
	return slices.SortedFunc(maps.Keys(all),
		func(a, b folder) int { return strings.Compare(a.path+fmt.Sprint(a.deep), b.path+fmt.Sprint(b.deep)) })
}

// quoteGlob writes a path of the image and a glob after it as one quoted word. A byte that means something to the parser, or that no line
// can hold, becomes "?", which matches it and any other single byte.
func quoteGlob(name, glob string) string {
	var b strings.Builder
	b.WriteString(`"/`)
	if name != "." {
		for i := range len(name) {
			if c := name[i]; c <= ' ' && c != ' ' || c >= 0x7f || strings.IndexByte("\"\\*?[]{}^@,#", c) >= 0 {
				b.WriteByte('?')
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String() + glob + `"`
}

// text collects lines.
type text struct{ b strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *text) bytes() []byte { return []byte(t.b.String()) }

// section writes rules under a heading; it writes nothing if there are no rules.
func (t *text) section(heading string, rules []string) {
	if len(rules) == 0 {
		return
	}
	t.line("\n  # %s", heading)
	for _, r := range rules {
		t.line("  %s", r)
	}
}
