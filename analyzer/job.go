package analyzer

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/slimimage/slim/layers"
)

// JobSchema names the version of Job.
const JobSchema = "slim/job/v1"

// RunIDEnv is the environment variable in which a step that runs an image gets the number of the build it belongs to; the agent copies
// it beside the evidence. BuildKit leaves the variables of proxies out of its cache keys (solver/llbsolver/ops/exec.go, CacheMap), so
// a run from the cache has another build's number.
const RunIDEnv = "FTP_PROXY"

// TokenEnv is the environment variable with the build's secret token, in the same way. The application never gets it.
const TokenEnv = "NO_PROXY"

// The lines that the agent prints between those of the application: StartLine when it is about to start it, and with these prefixes each
// answer and what it waits for.
const (
	StartLine   = "observe: the application starts"
	ProbePrefix = "probe: "
	WaitPrefix  = "wait: "
)

// AgentLine is what a line of a run's output says if it looks like one of the agent's, for display only: an application can print the same.
func AgentLine(line string) (text string, ok bool) {
	if line == StartLine {
		return "the application starts", true
	}
	if text, ok = strings.CutPrefix(line, ProbePrefix); ok {
		return text, true
	}
	if text, ok = strings.CutPrefix(line, WaitPrefix); ok {
		return "waiting " + text, true
	}
	return line, false
}

// StopGrace is the time between the stop signal and SIGKILL, the default of docker stop.
const StopGrace = 10 * time.Second

// RunTime is the time after which the agent gives up a run, for a Job.Timeout in seconds: the probes stop at the timeout, and the
// application gets StopGrace; the rest is for the agent itself.
func RunTime(timeout int) time.Duration { return time.Duration(timeout)*time.Second + 2*StopGrace }

// EnvFile is where the agent finds more environment for the application, as SealEnv returns it.
const EnvFile = "/.slim/env"

// WithEnv is an environment with entries in place of those of the same name: a program takes the first.
func WithEnv(env []string, entries ...string) []string {
	all := slices.Clone(env)
	for _, entry := range entries {
		name, _, _ := strings.Cut(entry, "=")
		all = slices.DeleteFunc(all, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		all = append(all, entry)
	}
	return all
}

// Job tells the agent what to run and how to drive it. One job is one run of the entrypoint.
type Job struct {
	Schema    string `json:"schema"`
	Image     string `json:"image"`    // digest of the platform manifest
	Platform  string `json:"platform"` // "linux/amd64"
	Name      string `json:"name"`     // Run.Name
	Process   Entry  `json:"process"`
	EnvDigest string `json:"envDigest,omitempty"` // of EnvFile, "" where there is none
	// AutoProbe asks for the default drive: on every listening port HTTP with same-origin links two deep, or the protocol that it speaks,
	// or a plain connect for the rest; and the health check.
	AutoProbe bool   `json:"autoProbe"`
	Steps     []Step `json:"steps,omitempty"` // after the automatic ones, in order
	// ProbeRoot is where the probe image is mounted, with ProbeArgv to run in it (chroot) beside the application.
	ProbeRoot string   `json:"probeRoot,omitempty"`
	ProbeArgv []string `json:"probeArgv,omitempty"`
	ProbeEnv  []string `json:"probeEnv,omitempty"`
	ProbeDir  string   `json:"probeDir,omitempty"`
	Timeout   int      `json:"timeout"` // seconds for the whole run, start to stop
	// ReadyWithin is set for a check: how many seconds the application may take to get ready, which follows from what the original took; 0
	// for as long as Timeout.
	ReadyWithin int  `json:"readyWithin,omitempty"`
	Trace       bool `json:"trace"` // record paths; false runs it bare, for answers alone
	// Plain traces without a seccomp filter and without no_new_privs, stopping at every system call: slow, and the only way
	// that leaves setuid programs and file capabilities their effect.
	Plain bool `json:"plain,omitempty"`
	// Again counts the repetitions of a run, made to learn which answers vary by themselves: BuildKit would answer an equal job from
	// its cache.
	Again    int  `json:"again,omitempty"`
	Syscalls bool `json:"syscalls,omitempty"` // also record CommonSyscalls (stops at every call: slow)
	// MaxTasks and MaxMemory end a run that has more processes and threads at a time, or more bytes of memory; see Limits.
	MaxTasks  int   `json:"maxTasks,omitempty"`
	MaxMemory int64 `json:"maxMemory,omitempty"`
	// Mounts are what the step mounts of the client's machine. What lies there is not recorded: it is not the image's.
	Mounts []Mount `json:"mounts,omitempty"`
	// Confine is set when a slim image runs under its own profile.
	Confine *Confinement `json:"confine,omitempty"`
}

// DefaultMaxTasks is how many processes and threads a run may have at a time: more than Kubernetes usually gives a pod.
const DefaultMaxTasks = 8192

// Limits are the limits of a run on a machine with an amount of memory, in bytes. Where the job names none, a run may use three quarters.
func (j *Job) Limits(machine int64) (tasks int, memory int64) {
	return cmp.Or(j.MaxTasks, DefaultMaxTasks), cmp.Or(j.MaxMemory, machine/4*3)
}

// Confinement is the profile that a slim image is checked under. The step makes the root filesystem read-only and mounts Tmpfs and Volumes;
// the agent does the rest.
type Confinement struct {
	Tmpfs   []Tmpfs       `json:"tmpfs,omitempty"`
	Volumes []layers.Path `json:"volumes,omitempty"` // writable directories that begin with what the image has there
	// Capabilities are the bounding set, and for root the permitted and effective sets, as docker makes them of --cap-drop ALL and a
	// --cap-add for each. The inheritable and ambient sets are empty.
	Capabilities []string `json:"capabilities,omitempty"`
	// LowPorts lets a user other than root bind ports below 1024. The profile does it with the sysctl net.ipv4.ip_unprivileged_port_start,
	// which the agent cannot set: it raises CAP_NET_BIND_SERVICE instead, in every set.
	LowPorts bool `json:"lowPorts,omitempty"`
	// NewPrivileges says that the profile leaves setuid programs and file capabilities their effect. A traced program has none all the same.
	NewPrivileges bool            `json:"newPrivileges,omitempty"`
	Seccomp       json.RawMessage `json:"seccomp,omitempty"` // the filter, linux.seccomp of the OCI runtime-spec; none when empty
}

// Tmpfs is an empty file system in memory.
type Tmpfs struct {
	Path   layers.Path `json:"path"`
	Size   int64       `json:"size,omitempty"` // bytes that it can hold
	Mode   uint32      `json:"mode"`           // permission bits of its root, 07777
	UID    uint32      `json:"uid,omitempty"`  // its owner
	GID    uint32      `json:"gid,omitempty"`
	NoExec bool        `json:"noExec,omitempty"`
}

// Entry is the first process, exactly as the image's config says it.
type Entry struct {
	Argv        []string     `json:"argv"`
	Env         []string     `json:"env,omitempty"`
	Dir         string       `json:"dir,omitempty"`        // WorkingDir, "/" when empty
	User        string       `json:"user,omitempty"`       // as in the config: "", "name", "uid", "uid:gid", "name:group"
	StopSignal  string       `json:"stopSignal,omitempty"` // "SIGTERM" when empty
	Healthcheck *Healthcheck `json:"healthcheck,omitempty"`
	Exposed     []string     `json:"exposed,omitempty"` // "80/tcp", sorted
	Volumes     []string     `json:"volumes,omitempty"` // sorted
	Shell       []string     `json:"shell,omitempty"`   // for a CMD-SHELL health check; /bin/sh -c when empty
}

// Healthcheck is the image's HEALTHCHECK: Test is ["CMD", ...], ["CMD-SHELL", line] or ["NONE"].
type Healthcheck struct {
	Test    []string `json:"test"`
	Timeout int      `json:"timeout,omitempty"` // seconds, 30 when 0
}

// Step is one thing to do with the running application; exactly one of HTTP, TCP, Exec and Wait is set.
type Step struct {
	Name string    `json:"name,omitempty" yaml:"name"`
	HTTP *HTTPStep `json:"http,omitempty" yaml:"http"`
	TCP  *TCPStep  `json:"tcp,omitempty" yaml:"tcp"`
	Exec *ExecStep `json:"exec,omitempty" yaml:"exec"`
	Wait *WaitStep `json:"wait,omitempty" yaml:"wait"`
}

// HTTPStep is one request to the application.
type HTTPStep struct {
	Method  string            `json:"method,omitempty" yaml:"method"` // GET when empty
	URL     string            `json:"url,omitempty" yaml:"url"`       // whole, or empty and Port and Path
	Port    int               `json:"port,omitempty" yaml:"port"`     // the first listening port that speaks HTTP when 0
	Path    string            `json:"path,omitempty" yaml:"path"`
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	Body    string            `json:"body,omitempty" yaml:"body"`
	Status  int               `json:"status,omitempty" yaml:"status"` // expected; any below 500 when 0
	Text    string            `json:"text,omitempty" yaml:"contains"` // expected somewhere in the body
}

// TCPStep sends bytes to a port and waits for others.
type TCPStep struct {
	Port   int    `json:"port" yaml:"port"`
	Send   string `json:"send,omitempty" yaml:"send"`
	Expect string `json:"expect,omitempty" yaml:"expect"` // expected somewhere in the answer
}

// ExecStep is a command in the running container, traced too.
type ExecStep struct {
	Argv   []string `json:"argv,omitempty" yaml:"argv"`
	Line   string   `json:"line,omitempty" yaml:"line"` // instead of Argv: /bin/sh -c runs it, or no shell where it needs none
	User   string   `json:"user,omitempty" yaml:"user"` // the image's when empty
	Status int      `json:"status,omitempty" yaml:"status"`
	Text   string   `json:"text,omitempty" yaml:"contains"`
}

// WaitStep waits for a port to be listened on, or just for a while.
type WaitStep struct {
	Port    int `json:"port,omitempty" yaml:"port"`
	Seconds int `json:"seconds,omitempty" yaml:"seconds"`
}
