package analyzer

import "github.com/slimimage/slim/layers"

// EvidenceSchema names the version of Evidence.
const EvidenceSchema = "slim/evidence/v1"

// Evidence is what happened when an image ran: never file contents, only what was looked at, run and answered.
// All lists are sorted and hold no duplicates.
type Evidence struct {
	Schema    string        `json:"schema"`
	Image     string        `json:"image"`    // digest of the platform manifest that ran, "sha256:..."
	Platform  string        `json:"platform"` // "linux/amd64"
	Runs      []Run         `json:"runs"`
	Paths     []PathUse     `json:"paths"`
	Missing   []MissingPath `json:"missing,omitempty"`
	Processes []Process     `json:"processes,omitempty"`
	Powers    []Power       `json:"powers,omitempty"`   // rights of root that were used
	Syscalls  []string      `json:"syscalls,omitempty"` // names, less CommonSyscalls; empty where they were not recorded
	Warnings  []string      `json:"warnings,omitempty"` // what could not be observed, one sentence each
	// Privileged lists programs that a user started whom their setuid bit or file capabilities would have given rights. The trace took those;
	// the run is then repeated with Job.Plain.
	Privileged []layers.Path `json:"privileged,omitempty"`
}

// NeedsPlain says whether the run was unfaithful because no_new_privs took a program's privileges away.
func (e *Evidence) NeedsPlain() bool { return len(e.Privileged) > 0 }

// Op is one kind of successful use of a path.
type Op string

// The operations of a PathUse. Hop is a symlink that was followed on the way to another path; Interp a file the kernel
// itself opened (PT_INTERP, "#!"); Connect an AF_UNIX socket; Write an existing file or directory that was changed
// (content, attributes, or an entry renamed or removed); Create a path that was made by the program.
const (
	OpOpen     Op = "open"
	OpExec     Op = "exec"
	OpStat     Op = "stat"
	OpReadlink Op = "readlink"
	OpList     Op = "list"
	OpChdir    Op = "chdir"
	OpHop      Op = "hop"
	OpInterp   Op = "interp"
	OpConnect  Op = "connect"
	OpWrite    Op = "write"
	OpCreate   Op = "create"
)

// PathUse is one path of the root filesystem and what was done with it. Paths under /proc, /sys, /dev and the agent's own
// mount are not recorded: they are the sandbox's, not the image's.
type PathUse struct {
	Path layers.Path   `json:"path"` // physical: no symlink on the way
	Ops  []Op          `json:"ops"`
	By   []layers.Path `json:"by,omitempty"`   // executables that used it
	UIDs []uint32      `json:"uids,omitempty"` // effective user ids that used it
}

// MissingPath is a look-up that failed.
type MissingPath struct {
	Path  layers.Path   `json:"path"`         // resolved as far as it exists, the rest appended
	Errno string        `json:"errno"`        // "ENOENT", "EACCES", ...
	Ops   []Op          `json:"ops"`          // what the program tried
	By    []layers.Path `json:"by,omitempty"` // programs that looked it up
}

// Process is one program that ran; processes that differ in nothing here are listed once. A process that executes another program is
// listed once more, as that.
type Process struct {
	Exe    layers.Path `json:"exe"`
	Argv   []string    `json:"argv"`
	UID    uint32      `json:"uid"` // effective, at the end of its life
	GID    uint32      `json:"gid"`
	Groups []uint32    `json:"groups,omitempty"`
	By     layers.Path `json:"by,omitempty"`   // the program that started it; Exe where it was forked and executed nothing
	Role   Role        `json:"role,omitempty"` // "" is a descendant of the first process
	From   uint32      `json:"from,omitempty"` // effective user id at its start
	// Returns says that it is not root and may become root again: its real, saved or file system user id is 0 (credentials(7)).
	Returns bool `json:"returns,omitempty"`
	Stays   bool `json:"stays,omitempty"`   // it had not ended when the run was stopped
	Execs   bool `json:"execs,omitempty"`   // it went on as another program, which it executed
	Listens bool `json:"listens,omitempty"` // it listened for connections itself (listen(2))
}

// Role is how a process came to run.
type Role string

// The roles of processes that are no descendants of the first one.
const (
	RoleMain   Role = "main"   // the first process of the image, under each program that it executes
	RoleBeside Role = "beside" // a command that the agent ran beside the application, or a descendant of one
)

// Power is one right of root that a program used, successfully. What the agent ran beside the application is left out.
type Power struct {
	Capability string      `json:"capability"` // the right, as capabilities(7) calls it: "CAP_CHOWN"
	Exe        layers.Path `json:"exe"`
	// On is the user id that it was used on: the owner of the path, the new owner, the user of the process that got a signal, the user
	// that the process became.
	On uint32 `json:"on,omitempty"`
	// Serving says that the process, or one that it was forked from, had accepted a connection: it was past its start.
	Serving bool `json:"serving,omitempty"`
}

// Kinds of runs.
const (
	KindServer  = "server"  // it listened
	KindCommand = "command" // it ran to its end without listening
)

// DefaultRun is the name of the run of the image's own command.
const DefaultRun = "default"

// Run is one start of the entrypoint and what it answered.
type Run struct {
	Name     string   `json:"name"` // DefaultRun, or "run " and the --run arguments as given
	Argv     []string `json:"argv"`
	Mounts   []Mount  `json:"mounts,omitempty"` // what the user mounted in the run; no path below is in the evidence
	Kind     string   `json:"kind"`
	Home     string   `json:"home,omitempty"` // HOME of its environment
	Listen   []Socket `json:"listen,omitempty"`
	Peers    []Socket `json:"peers,omitempty"` // remote ends it tried to reach
	Answers  []Answer `json:"answers"`
	ExitCode int      `json:"exitCode"`         // of a command; of a server only when it ended by itself
	Signal   string   `json:"signal,omitempty"` // the signal that ended it, when not the agent's own stop
	// Ready is how long a server took until it was ready: seconds, rounded up to a power of two, 0 up to 4.
	Ready int `json:"ready,omitempty"`
	// Written is how much the files held that the run had made, before it was stopped: bytes rounded up to 64 MiB, 0 below 16 MiB.
	Written    int64    `json:"written,omitempty"`
	PeakMemory int64    `json:"peakMemory"`           // bytes of resident memory of all its processes, rounded up to 16 MiB
	Failure    string   `json:"failure,omitempty"`    // why this run is not a good observation, one sentence; empty when it is
	Unfaithful []string `json:"unfaithful,omitempty"` // where the run differed from how the image says it runs
}

// Mount is a file or directory that the user mounted in a run, which the image does not have.
type Mount struct {
	Path   layers.Path `json:"path"`
	Digest string      `json:"digest"` // short, of the content: another content is another run
}

// Socket is an address in the run's network: "tcp" or "udp" with a port, or "unix" with a path.
type Socket struct {
	Network string      `json:"network"`
	Address string      `json:"address,omitempty"` // "0.0.0.0", "::", "127.0.0.1"
	Port    int         `json:"port,omitempty"`
	Path    layers.Path `json:"path,omitempty"`
}

// MaxBody is how much of an answer is kept, in bytes; its size and hash are those of the whole.
const MaxBody = 256 << 10

// Answer is what one probe got.
type Answer struct {
	Probe  string `json:"probe"`            // unique in the run: "GET http://127.0.0.1:80/", "ssh 127.0.0.1:22", "exec: id", "output"
	OK     bool   `json:"ok"`               // it answered, as expected where something was expected
	Status int    `json:"status,omitempty"` // HTTP status, or exit code of a command
	Header string `json:"header,omitempty"` // HTTP content-type and location, one "name: value" per line, sorted
	Body   []byte `json:"body,omitempty"`   // first MaxBody bytes of the body, or of the command's stdout
	Stderr []byte `json:"stderr,omitempty"` // of a command, likewise
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	Error  string `json:"error,omitempty"` // why it did not answer
	// Protocol is what the automatic probe of a listening socket found: "http", "ssh", "smtp+tls". Connected says that it found none, and
	// that a connection was all that remained to try.
	Protocol  string `json:"protocol,omitempty"`
	Connected bool   `json:"connected,omitempty"`
}
