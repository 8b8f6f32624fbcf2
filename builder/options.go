// Package builder is the gateway function of slim: it runs an image under the agent, decides what to keep, packs it, checks
// the result and has BuildKit export it. Build reads as the list of those stages.
package builder

import (
	"io"
	"time"

	bkclient "github.com/moby/buildkit/client"
	mobyclient "github.com/moby/moby/client"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/lock"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/layers"
)

// Options says what to build. Exactly one of Input and Dockerfile is set.
type Options struct {
	Engine     *engine.Engine
	Input      *layers.Input
	Dockerfile *Dockerfile
	Update     UpdateOptions
	Observe    ObserveOptions
	Analyze    analyzer.Options
	Evidence   []*analyzer.Evidence // replaces the observation when not empty; several are merged
	Platform   string               // "linux/amd64"; the engine's own when empty
	Others     []Other              // further platforms; the result is one index of all
	Force      bool                 // also take an image that slim made
	KeepGoing  bool                 // export although a run or the check failed; Result says so
	NoCheck    bool                 // skip the check
	SBOMAuthor string               // who has the bills of materials made: "NAME <ADDRESS>"; slim itself when empty
	Materials  bool                 // list the materials also where no attestation needs them (Result.Materials)
	Strict     bool                 // export nothing that was not checked under its own profile
	// ResourceLabels writes the measured resources into labels of the image. The peak of memory differs between runs: it is rounded up to
	// a power of two, but only the same evidence guarantees the same digest.
	ResourceLabels bool
	Lock           bool       // also make Result.Lock
	Locked         *lock.Lock // make the same image again, without running the application
	Scan           *Scan      // search original and slim image for known vulnerabilities; nil disables the search
	Export         Export
	CacheFrom      []bkclient.CacheOptionsEntry
	CacheTo        []bkclient.CacheOptionsEntry
	Epoch          *int64 // SOURCE_DATE_EPOCH; the input image's creation time when nil
	// Status receives BuildKit's progress and is closed when the build ends; nil discards it.
	Status chan *bkclient.SolveStatus
	// Step is called when a part of a stage begins; the function done that it returns is called when the part ends. It may be nil.
	Step func(stage Stage, title string) (done func(error))
}

// Dockerfile is an input that is built first, in the same BuildKit, as buildx would.
type Dockerfile struct {
	Context       string // directory
	File          string // path of the Dockerfile; Context/Dockerfile when empty
	Target        string
	BuildArgs     map[string]string
	Secrets       []string          // as buildx spells them: id=ID[,src=FILE|,env=NAME]
	BuildContexts map[string]string // name -> directory, docker-image://REF, oci-layout://DIR[:TAG][@DIGEST]
	Network       string            // of the RUN steps: "default" (when empty), "none" or "host"
}

// ObserveOptions says how the image is run and driven.
type ObserveOptions struct {
	Runs     []string        // --run: arguments instead of CMD, one more run each, split as a shell splits words
	Execs    []string        // --exec: commands in the running container of the default run
	Steps    []analyzer.Step // --probe
	Env      []string        // --env-file, then --env: KEY=VALUE, added to the environment of the runs, not to the image
	EnvFiles []string        // names of the files of --env-file, for the files that start the image
	Mounts   []Mount         // --mount: files and directories of this machine that the runs see
	Hostname string          // --hostname of the runs
	Hosts    []Host          // --add-host: additional lines of /etc/hosts in the runs
	// Entrypoint (--entrypoint) and Dir (--workdir) replace the image's, in the runs and in the config of the slim image. Entrypoint
	// replaces CMD, too, as in docker run.
	Entrypoint []string
	Dir        string
	ProbeRef   string   // --probe-image: reference of an image with a test suite
	ProbeArgv  []string // its command
	Network    string   // "none" (when empty), "default" or "host"
	Timeout    int      // seconds for one run; 120 when 0
	NoDefault  bool     // with Runs: do not also run the image's own CMD
	MaxTasks   int      // processes and threads of a run at a time, 0 for the default
	MaxMemory  int64    // bytes of memory of a run, 0 for the default
	Syscalls   bool     // record the set of system calls (one more, slow run)
}

// Export lists the destinations of the result. The zero value only builds and checks it.
type Export struct {
	Names       []string           // --tag: image names
	Load        bool               // into the Docker engine
	Push        bool               // to the registry of each name
	Docker      *mobyclient.Client // for Load
	Podman      bool               // Docker is podman
	Outputs     []Output           // --output
	Compression string             // "gzip" (when empty), "zstd", "uncompressed"
	NoAttest    bool               // attach no attestations
}

// Store is the name of the store for Load in messages.
func (e Export) Store() string {
	if e.Podman {
		return "podman"
	}
	return "Docker"
}

// Output is one --output in buildx's syntax.
type Output struct {
	Type   string            // "oci", "docker", "tar", "local", "image"
	Dest   string            // file or directory; "-" is Stdout
	Attrs  map[string]string // passed to BuildKit's exporter
	Stdout io.WriteCloser    // where Dest "-" goes
}

// ResultSchema names the version of Result.
const ResultSchema = "slim/result/v1"

// Result is what was built.
type Result struct {
	Schema     string             `json:"schema"`             // "slim/result/v1"
	Input      string             `json:"input"`              // name as given
	Image      string             `json:"image"`              // digest of the input's platform manifest
	Digest     string             `json:"digest,omitempty"`   // of the slim image (index when attestations are attached)
	Manifest   string             `json:"manifest,omitempty"` // digest of the slim platform manifest
	Names      []string           `json:"names,omitempty"`    // that the result was given
	Written    []string           `json:"written,omitempty"`  // files and directories
	Platform   string             `json:"platform"`           // of the image, such as linux/amd64
	Config     Config             `json:"config"`             // what changed in the image config
	Evidence   *analyzer.Evidence `json:"evidence"`
	Plan       *analyzer.Plan     `json:"plan"`
	Verdict    *analyzer.Verdict  `json:"verdict,omitempty"`    // nil when not checked
	Unchecked  string             `json:"unchecked,omitempty"`  // why it could not be checked
	Unobserved string             `json:"unobserved,omitempty"` // if the evidence is from another platform: how the result follows from it
	Platforms  []*Result          `json:"platforms,omitempty"`  // the further platforms of the index
	SizeBefore int64              `json:"sizeBefore"`           // bytes of the root filesystem's regular files
	SizeAfter  int64              `json:"sizeAfter"`            // of the slim image, likewise
	Materials  map[string][]byte  `json:"-"`                    // bills of materials by file name, nil when not asked for
	Provenance []byte             `json:"-"`                    // BuildKit's (SLSA v1), where it keeps a history; nil unless Options.Materials
	Attested   []string           `json:"attested,omitempty"`   // types of the predicates that are attached
	Profile    *profile.Model     `json:"profile,omitempty"`    // how it is confined, nil when not checked
	Sizes      *analyzer.Sizes    `json:"sizes,omitempty"`      // where the bytes come from
	Scan       *vuln.Report       `json:"scan,omitempty"`       // known vulnerabilities, with those of the original; nil when not asked for
	Update     *Updated           `json:"update,omitempty"`     // packages that were brought up to date; nil when not asked for
	scanned    time.Time          // the day of Scan
	Lock       *lock.Lock         `json:"-"` // with Options.Lock
}

// Updated is what an update did.
type Updated struct {
	Mode     string           `json:"mode"`              // "security", "fixable" or "all"
	Manager  string           `json:"manager,omitempty"` // name of the package manager: "apt"; "" where no package was asked for
	Packages []UpdatedPackage `json:"packages"`          // none where all were up to date
	Note     string           `json:"note,omitempty"`    // what the user has to know about how the package manager did it
	Given    analyzer.Totals  `json:"given"`             // of the image as it was given; zero in a build from a lock
}

// UpdatedPackage is a package before and after an update.
type UpdatedPackage struct {
	update.Change
	Closed []string `json:"closed,omitempty"` // names of the vulnerabilities that Result.Scan says this ended, sorted
}

// Config is what changed in the image's config, for the summary.
type Config struct {
	User       string   `json:"user"`                 // "65532:65532"
	Entrypoint []string `json:"entrypoint,omitempty"` // of the slim image
	Cmd        []string `json:"cmd,omitempty"`        // of the slim image
	Edits      []string `json:"edits,omitempty"`      // one clause each
}

// ObservationError reports that the image did not run well enough to be slimmed. Exit code 3.
type ObservationError struct {
	Evidence *analyzer.Evidence
	Failures []string
}

// ExerciseError says that the runs only started a shell or an interpreter on an empty input. Exit code 3; nothing was exported.
type ExerciseError struct {
	Kind    string // "shell", "interpreter"
	Command string
}

// CheckError says that the slim image does not answer like the original. Exit code 3; nothing was exported.
type CheckError struct {
	Result *Result // with Verdict
}

// UnconnectedError says that the build of a Dockerfile failed whose RUN steps had no network, because the engine has none for them.
type UnconnectedError struct{ Err error }

// StrictError reports that the result does not meet Options.Strict. Exit code 3; nothing was exported.
type StrictError struct {
	Result *Result
	Reason string
}

// SlimmedError says that the input was made by slim. Exit code 2.
type SlimmedError struct{ Name string }
