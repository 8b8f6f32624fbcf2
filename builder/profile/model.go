package profile

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/accounts"
	"github.com/slimimage/slim/layers"
)

// Model describes how an image runs. All lists are sorted and hold no duplicates; the zero value of a list means "none seen".
type Model struct {
	Name     string     `json:"name"`               // DNS label (RFC 1123), at most 40 characters: names every object
	Image    string     `json:"image"`              // reference of the slim image, "registry.example.com/app:2"
	Platform string     `json:"platform"`           // "linux/amd64"
	Server   bool       `json:"server"`             // some run listened; else it is a command that ends
	UID      uint32     `json:"uid"`                // who the process is
	GID      uint32     `json:"gid"`                // its primary group
	Writable []Writable `json:"writable,omitempty"` // directories that must be writable, by path
	Ports    []Port     `json:"ports,omitempty"`    // ports that others may reach, by network and number
	Syscalls []string   `json:"syscalls,omitempty"` // system calls that were seen; empty where they were not recorded
	Possible []string   `json:"possible,omitempty"` // system calls that programs of the image may make by their imports and code
	// programs of the image that may make any other, by numbers that are not in their code
	AnySyscall   []layers.Path `json:"anySyscall,omitempty"`
	Runtimes     []string      `json:"runtimes,omitempty"`     // language runtimes found in the image: "glibc", "jvm", ...
	Arches32     []string      `json:"arches32,omitempty"`     // second ABIs of programs in the image: "x86", "x32", "arm"
	Capabilities []string      `json:"capabilities,omitempty"` // that are granted, "CAP_CHOWN"
	Peers        []Peer        `json:"peers,omitempty"`        // remote ends that it tried to reach
	Health       []string      `json:"health,omitempty"`       // health check as an argument vector, without a shell of its own
	PeakMemory   int64         `json:"peakMemory"`             // bytes of resident memory, the highest of all runs; 0 when unknown
	Kept         []layers.Path `json:"kept,omitempty"`         // files of the image (no directories)
	Programs     []layers.Path `json:"programs,omitempty"`     // those of Kept that may be executed
	Listed       []layers.Path `json:"listed,omitempty"`       // directories whose entries were read
	Start        Start         `json:"start,omitzero"`         // how the runs were started, beside the image's config
	Predicates   []string      `json:"predicates,omitempty"`   // in-toto predicate types that admission demands beside the signature
	Warnings     []string      `json:"warnings,omitempty"`     // what is uncertain, one sentence each
	OpenEnded    bool          `json:"openEnded,omitempty"`    // the user brings the job: a build tool, a compiler, a shell
	LowPorts     bool          `json:"lowPorts,omitempty"`     // a port below 1024 is opened, on any address
	// NewPrivileges says that programs gain privileges by their setuid bit or file capabilities: no_new_privs would take them.
	NewPrivileges bool `json:"newPrivileges,omitempty"`
}

// Writable is a directory that the program writes in.
type Writable struct {
	Path layers.Path `json:"path"` // of the directory
	// Populated says that the image has files below it: an empty mount would hide them.
	Populated bool  `json:"populated,omitempty"`
	Volume    bool  `json:"volume,omitempty"`   // the image declares it as a volume: what it holds is to outlive the container
	Size      int64 `json:"size,omitempty"`     // bytes that it must be able to hold; 0 is the usual
	Executes  bool  `json:"executes,omitempty"` // what was made there is run or loaded: no noexec
	// Owner is who has the directory in the image, nil where that is the image's user with mode 0755.
	Owner *analyzer.Directory `json:"owner,omitempty"`
}

// Port is a port that others may reach.
type Port struct {
	Network string `json:"network"`          // "tcp" or "udp"
	Number  int    `json:"number"`           // of the port
	Seen    bool   `json:"seen"`             // it was listened on; else the image only declares it
	Scheme  string `json:"scheme,omitempty"` // "HTTP" or "HTTPS" where it answered so
	Path    string `json:"path,omitempty"`   // request path that answered well, with its query
}

// Peer is a remote end. What a run records as tcp may be udp: the trace sees addresses of connect, not the kind of socket.
type Peer struct {
	Address string `json:"address"` // IP address
	Port    int    `json:"port"`    // of the peer
}

// defaultImage stands for the name of an image where none was given.
const defaultImage = "app:slim"

// From makes the Model of an image called name ("" is a stand-in). Evidence holds the observed runs; plan, which may be nil, the kept
// files and the user. From refuses nothing: it leaves out values that cannot be used, with a warning.
func From(ev *analyzer.Evidence, plan *analyzer.Plan, name string) Model {
	if ev == nil {
		ev = &analyzer.Evidence{}
	}
	m := Model{Name: label(name), Image: name, Platform: ev.Platform, Syscalls: sortedSet(ev.Syscalls)}
	if name == "" {
		m.Image = defaultImage
		m.warn("no name of an image was given: %s stands for it", defaultImage)
	}
	if m.Platform == "" {
		m.Platform = "linux/amd64"
	}
	if plan != nil {
		m.Possible, m.AnySyscall = sortedSet(plan.Syscalls), plan.AnySyscall
		m.OpenEnded = openEnded(plan)
	}
	m.mounted(ev)
	m.kept(ev, plan)
	m.user(ev, plan)
	m.network(ev)
	m.writable(ev, plan)
	m.runtimes(ev)
	m.executable(ev)
	m.capabilities(ev, plan)
	m.owners(plan)
	for _, run := range ev.Runs {
		m.PeakMemory = max(m.PeakMemory, run.PeakMemory)
		m.room(run.Written)
	}
	if len(m.Syscalls) == 0 {
		m.warn("no system calls were recorded: seccomp.json is Docker's default for a container without capabilities")
	} else if len(m.AnySyscall) > 0 {
		m.warn("%s makes system calls by numbers that its code does not show: seccomp.json is Docker's default for a container without "+
			"capabilities", m.AnySyscall[0])
	} else if m.whole() {
		m.warn("programs of a 32-bit ABI were found, whose system calls are not recorded: " +
			"seccomp.json is Docker's default for a container without capabilities")
	}
	slices.Sort(m.Warnings)
	m.Warnings = slices.Compact(m.Warnings)
	return m
}

// openEnded says whether the plan keeps files because the user brings the job.
func openEnded(plan *analyzer.Plan) bool {
	return slices.ContainsFunc(plan.Files, func(f analyzer.File) bool {
		return slices.ContainsFunc(f.Reasons, func(r analyzer.Reason) bool { return r.Rule == analyzer.RuleOpenEnded })
	})
}

// Config is what an image's config says about how it runs. All fields may be empty.
type Config struct {
	Volumes     []string // "/data"
	Exposed     []string // "80/tcp", "53/udp", "8080"
	Healthcheck []string // as in the config: ["CMD", ...], ["CMD-SHELL", line] or ["NONE"]
	Shell       []string // of a CMD-SHELL health check; /bin/sh -c when empty
}

// WithConfig returns the Model completed with what the image's config declares.
func (m Model) WithConfig(config Config) Model {
	m.Ports, m.Warnings, m.Writable = slices.Clone(m.Ports), slices.Clone(m.Warnings), slices.Clone(m.Writable)
	for _, volume := range config.Volumes {
		m.addVolume(volume)
	}
	for _, exposed := range config.Exposed {
		m.expose(exposed)
	}
	m.sortPorts()
	if len(config.Healthcheck) > 1 {
		m.health(config)
	}
	slices.Sort(m.Warnings)
	m.Warnings = slices.Compact(m.Warnings)
	return m
}

// health copies the image's health check, unless it needs a shell that was removed.
func (m *Model) health(config Config) {
	argv := analyzer.HealthArgv(config.Healthcheck, config.Shell)
	if len(argv) == 0 {
		return
	}
	if config.Healthcheck[0] == "CMD-SHELL" {
		program := layers.CleanPath(argv[0])
		if !slices.Contains(m.Kept, program) && !slices.Contains(m.Kept, "usr/"+program) {
			m.warn("the image's health check needs %s, which is not kept: it is left out", program)
			return
		}
	}
	m.Health = argv
}

func (m *Model) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}

// user sets the user of the process: the plan's, else the one that programs ran as.
func (m *Model) user(ev *analyzer.Evidence, plan *analyzer.Plan) {
	if plan != nil {
		m.UID, m.GID = plan.User.UID, plan.User.GID
		if m.UID == 0 {
			m.warn("the image runs as root: the manifests do not meet the restricted Pod Security Standard")
		}
		return
	}
	m.UID, m.GID = accounts.Nonroot, accounts.Nonroot
	for i, p := range ev.Processes {
		if i == 0 || p.UID != 0 && (m.UID == 0 || p.UID < m.UID) {
			m.UID, m.GID = p.UID, p.GID
		}
	}
	switch {
	case len(ev.Processes) == 0:
		m.warn("no process was recorded: user %d:%d is assumed", accounts.Nonroot, accounts.Nonroot)
	case m.UID == 0:
		m.warn("every program ran as root: give the plan of the slim image, which has a user of its own")
	default:
		m.warn("no plan was given: user %d:%d is the one that programs ran as", m.UID, m.GID)
	}
}

var notInLabel = regexp.MustCompile(`[^a-z0-9]+`)

// label makes a DNS label of the last element of an image's name, without tag and digest.
func label(image string) string {
	base, _, _ := strings.Cut(path.Base(image), "@")
	base, _, _ = strings.Cut(base, ":")
	base = strings.TrimSuffix(base, ".slim")
	base = strings.Trim(notInLabel.ReplaceAllString(strings.ToLower(base), "-"), "-")
	if len(base) > 40 {
		base = strings.Trim(base[:40], "-")
	}
	if base == "" {
		return "app"
	}
	if base[0] >= '0' && base[0] <= '9' {
		return "app-" + base // a Service's name must not begin with a digit (RFC 1035)
	}
	return base
}

func sortedSet(list []string) []string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
