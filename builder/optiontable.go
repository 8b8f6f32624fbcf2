package builder

import (
	"slices"
	"strconv"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/update"
)

// Groups of options, as the help shows them.
const (
	GroupInput    = "Input"
	GroupObserve  = "Observation"
	GroupAnalysis = "Analysis"
	GroupOutput   = "Output"
	GroupBuildKit = "BuildKit"
)

// Commands that share options.
var (
	onlyBuild = []string{"build"}
	imageRuns = []string{"build", "observe", "analyze"}
	allRuns   = []string{"build", "observe", "analyze", "verify"}
	plans     = []string{"build", "analyze", "verify"}
	results   = []string{"build", "verify"}
)

// Reasons why the authors of the input, or also who starts a build with the frontend, do not set an option.
const (
	whyNetwork    = "it opens a network to the application"
	whyProbeImage = "it runs another image"
	whyPolicy     = "it accepts what slim refuses"
	whyMachine    = "it protects the machine"
	whyInput      = "it selects the input"
	whySecret     = "it reads secrets and files of the operator"
	whyExport     = "it decides where the result goes"
	whyPush       = "it writes to a registry with the credentials of the operator"
	whyWords      = "it decides what is published about the result"
	whyCache      = "it opens registries and directories of the operator"
	whyClient     = "the client of BuildKit writes the result"
)

// Table is the table of options. To add an option, add a row; the test of the reference then asks for `make generate`.
//
// A row belongs here when the option changes Options. A flag that only concerns the command line (its output format, say) stands with its
// command.
func Table() []Option {
	return slices.Concat(inputOptions(), dockerfileOptions(), runOptions(), envOptions(), startRows(), driveOptions(), keepOptions(),
		includeOptions(), exportOptions(),
		imageOptions(), cacheOptions())
}

func inputOptions() []Option {
	return []Option{
		{
			Name:  "platform",
			Group: GroupInput,
			Usage: "OS/ARCH of the image, where it has several",
			UsageIn: map[string]string{
				"build":  "OS/ARCH of the image, where it has several; several, separated by commas, make one index",
				"verify": "OS/ARCH to rebuild, where the image has several",
			},
			Commands: allRuns,
			Why:      whyInput,
			field:    textField(func(o *Options) *string { return &o.Platform }),
		},
		{
			Name:     "file",
			Short:    "f",
			Group:    GroupInput,
			Usage:    "build this DOCKERFILE first; the argument is then its build context",
			Commands: imageRuns,
			Example:  "write it to a file and pass that",
			Why:      whyInput,
			field:    field{set: setDockerfile},
		},
		{
			Name:     "force",
			Group:    GroupInput,
			Kind:     Switch,
			Usage:    "also accept an image that slim made",
			Commands: imageRuns,
			SetBy:    BuildArgument,
			Why:      whyPolicy,
			field:    switchField(func(o *Options) *bool { return &o.Force }),
		},
		{
			Name:     "update",
			Group:    GroupInput,
			Bare:     string(update.Security),
			Usage:    "first bring the packages that are kept up to date: all, those with security updates, or fixable ones of --vuln-db",
			Commands: onlyBuild,
			Allowed:  update.Modes(),
			Why:      whyNetwork,
			Shapes:   true,
			field:    textField(func(o *Options) *string { return &o.Update.Mode }),
		},
		{
			Name:     "update-from",
			Group:    GroupInput,
			Usage:    "with --update of an image without a package manager: use that of this IMAGE of the same distribution and release",
			Commands: onlyBuild,
			Why:      whyProbeImage,
			Shapes:   true,
			field:    textField(func(o *Options) *string { return &o.Update.From }),
		},
	}
}

// dockerfileOptions need --file, or one of them --update, whose rows come before them.
func dockerfileOptions() []Option {
	const example = "slim build -f Dockerfile CONTEXT"
	return []Option{
		{
			Name:     "target",
			Group:    GroupInput,
			Usage:    "build this STAGE of the Dockerfile",
			Commands: imageRuns,
			Example:  example,
			Why:      whyInput,
			field:    field{set: ofDockerfile(func(df *Dockerfile, value string) error { df.Target = value; return nil })},
		},
		{
			Name:     "build-arg",
			Group:    GroupInput,
			Kind:     Pairs,
			Usage:    "KEY=VALUE for the Dockerfile, or KEY to take the value from the environment (repeatable)",
			Commands: imageRuns,
			Example:  example,
			Why:      whyInput,
			field:    field{set: ofDockerfile(addBuildArg)},
		},
		{
			Name:     "secret",
			Group:    GroupInput,
			Kind:     List,
			Usage:    "secret for the Dockerfile, id=ID[,src=FILE|,env=NAME] (repeatable)",
			Commands: imageRuns,
			Example:  example,
			Why:      whySecret,
			field: field{set: ofDockerfile(func(df *Dockerfile, value string) error {
				df.Secrets = append(df.Secrets, value)
				return nil
			})},
		},
		{
			Name:     "build-network",
			Group:    GroupInput,
			Usage:    "network of a Dockerfile's RUN steps and of --update: MODE default, none, or host (that of this machine, with its services)",
			Commands: imageRuns,
			Allowed:  []string{"default", "none", "host"},
			Example:  example,
			Why:      whyNetwork,
			field:    field{set: setBuildNetwork},
		},
		{
			Name:     "build-context",
			Group:    GroupInput,
			Kind:     List,
			Usage:    "NAME=DIR, NAME=docker-image://REF or NAME=oci-layout://DIR[:TAG] for the Dockerfile (repeatable)",
			Commands: imageRuns,
			Example:  "example: slim build -f Dockerfile --build-context assets=./assets CONTEXT",
			Why:      whySecret,
			field:    field{set: ofDockerfile(addBuildContext)},
		},
	}
}

// runOptions say which runs there are and what drives them.
func runOptions() []Option {
	return []Option{
		{
			Name:     "run",
			Group:    GroupObserve,
			Kind:     List,
			Usage:    "run once more, with these ARGS instead of CMD (repeatable)",
			Commands: allRuns,
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Observe.Runs }),
		},
		{
			Name:     "exec",
			Group:    GroupObserve,
			Kind:     List,
			Usage:    "run CMD in the running container (repeatable)",
			Commands: allRuns,
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Observe.Execs }),
		},
		{
			Name:     "probe",
			Group:    GroupObserve,
			Kind:     File,
			Usage:    "send the requests of this YAML FILE to the application",
			Commands: allRuns,
			Example:  "docs/reference.md shows the form of a probe file",
			SetBy:    Repository,
			Shapes:   true,
			field:    field{set: setProbe, get: probeDigest},
		},
		{
			Name:     "probe-image",
			Group:    GroupObserve,
			Usage:    "run this IMAGE with a test suite beside the application; its command may follow after --",
			Commands: allRuns,
			SetBy:    BuildArgument,
			Why:      whyProbeImage,
			Shapes:   true,
			field:    textField(func(o *Options) *string { return &o.Observe.ProbeRef }),
		},
	}
}

// envOptions give the runs more environment. The row of env comes after that of the files: as in docker run, its values win.
func envOptions() []Option {
	return []Option{
		{
			Name:     "env-file",
			Group:    GroupObserve,
			Kind:     List,
			Usage:    "like --env for each line of FILE, in the format of docker run (repeatable; --env wins)",
			Commands: allRuns,
			Example:  "a line is KEY=VALUE, KEY, or a comment after #",
			Why:      whySecret,
			field:    field{set: addEnvFile}, // a lock has the digest of the whole environment, in the row of env
		},
		{
			Name:  "env",
			Short: "e",
			Group: GroupObserve,
			Kind:  Pairs,
			Usage: "KEY=VALUE for the environment of the runs, or KEY to take the value from the environment; not added to the image " +
				"(repeatable)",
			Commands: allRuns,
			Example:  "example: POSTGRES_PASSWORD=secret",
			SetBy:    Repository,
			Shapes:   true,
			field: field{
				set: addEnv,
				get: func(o *Options) any { return envDigest(o.Observe.Env) }, // its values may be secret
			},
		},
	}
}

// startRows say how the application is started.
func startRows() []Option {
	return []Option{
		{
			Name:     "mount",
			Group:    GroupObserve,
			Kind:     List,
			Usage:    "let the runs see the file or directory SRC at DST, read-only: SRC:DST; never a part of the image (repeatable)",
			Commands: allRuns,
			Example:  "example: --mount ./app.conf:/etc/app.conf",
			Why:      whySecret,
			Shapes:   true,
			field:    field{set: addMount, get: mountsKey},
		},
		{
			Name:     "entrypoint",
			Group:    GroupObserve,
			Usage:    "start this PROGRAM (with arguments) instead of ENTRYPOINT and CMD, in the runs and as ENTRYPOINT of the slim image",
			Commands: allRuns,
			Example:  `example: --entrypoint "/usr/bin/app --serve"`,
			SetBy:    Repository,
			Shapes:   true,
			field:    field{set: setEntrypoint, get: func(o *Options) any { return o.Observe.Entrypoint }},
		},
		{
			Name:     "workdir",
			Group:    GroupObserve,
			Usage:    "working directory DIR, in the runs and in the config of the slim image",
			Commands: allRuns,
			Example:  "example: --workdir /srv/app",
			SetBy:    Repository,
			Shapes:   true,
			field:    field{set: setWorkdir, get: func(o *Options) any { return o.Observe.Dir }},
		},
		{
			Name:     "hostname",
			Group:    GroupObserve,
			Usage:    "host NAME of the runs",
			Commands: allRuns,
			Example:  "example: --hostname db",
			SetBy:    Repository,
			Shapes:   true,
			field:    field{set: setHostname, get: func(o *Options) any { return o.Observe.Hostname }},
		},
		{
			Name:     "add-host",
			Group:    GroupObserve,
			Kind:     List,
			Usage:    "HOST:IP for /etc/hosts of the runs (repeatable)",
			Commands: allRuns,
			Example:  "example: --add-host db:127.0.0.1",
			SetBy:    Repository,
			Shapes:   true,
			field:    field{set: addHost, get: hostsKey},
		},
	}
}

// driveOptions say under which conditions the runs happen.
func driveOptions() []Option {
	return []Option{
		{
			Name:     "network",
			Group:    GroupObserve,
			Usage:    "network of the runs: MODE none, default (a namespace of its own), or host (that of this machine with its local services)",
			Commands: allRuns,
			Default:  "none",
			Allowed:  []string{"none", "default", "host"},
			SetBy:    BuildArgument,
			Why:      whyNetwork,
			Locked:   "none",
			Shapes:   true,
			field:    textField(func(o *Options) *string { return &o.Observe.Network }),
		},
		{
			Name:     "timeout",
			Group:    GroupObserve,
			Usage:    "TIME limit of each run: seconds, or 90s, 5m",
			Commands: allRuns,
			Default:  "120s",
			Example:  "examples: --timeout 90, --timeout 5m",
			SetBy:    Repository,
			field:    field{set: setTimeout},
		},
		{
			Name:     "max-processes",
			Group:    GroupObserve,
			Usage:    "end a run that has more than COUNT processes and threads at a time",
			Commands: allRuns,
			Default:  strconv.Itoa(analyzer.DefaultMaxTasks),
			Example:  "example: --max-processes 8192",
			SetBy:    BuildArgument,
			Why:      whyMachine,
			field:    field{set: setMaxTasks},
		},
		{
			Name:     "max-memory",
			Group:    GroupObserve,
			Usage:    "end a run that uses more memory than SIZE, as 512m or 16g (default three quarters of the machine's)",
			Commands: allRuns,
			Example:  "examples: --max-memory 512m, --max-memory 16g",
			SetBy:    BuildArgument,
			Why:      whyMachine,
			field:    field{set: setMaxMemory},
		},
		{
			Name:  "keep-going",
			Group: GroupObserve,
			Kind:  Switch,
			Usage: "continue after a failed run or check (the exit code stays 3)",
			UsageIn: map[string]string{
				"build":   "export the image although a run or the check failed (the exit code stays 3)",
				"observe": "write the evidence although a run failed (the exit code stays 3)",
				"analyze": "print the result although a run failed (the exit code stays 3)",
			},
			Commands: allRuns,
			SetBy:    BuildArgument,
			Why:      whyPolicy,
			field:    switchField(func(o *Options) *bool { return &o.KeepGoing }),
		},
	}
}

// keepOptions decide what is kept, as a whole.
func keepOptions() []Option {
	return []Option{
		{
			Name:     "evidence",
			Group:    GroupAnalysis,
			Kind:     Documents,
			Usage:    "use this evidence FILE instead of running the image (repeatable; several files are merged)",
			UsageIn:  map[string]string{"verify": "the evidence FILE of the build (repeatable; several files are merged)"},
			Commands: plans,
			Example:  "make it with `slim observe IMAGE -o FILE`",
			Why:      "it replaces the runs",
			field:    field{set: addEvidence},
		},
		{
			Name:     "keep",
			Group:    GroupAnalysis,
			Usage:    "how much is kept: LEVEL observed, closure or package",
			Commands: plans,
			Default:  string(analyzer.KeepClosure),
			Allowed:  []string{string(analyzer.KeepObserved), string(analyzer.KeepClosure), string(analyzer.KeepPackage)},
			SetBy:    Repository,
			Locked:   string(analyzer.KeepClosure),
			Shapes:   true,
			field:    textField(func(o *Options) *string { return (*string)(&o.Analyze.Keep) }),
		},
		{
			Name:     "include",
			Group:    GroupAnalysis,
			Kind:     List,
			Usage:    "keep paths that match GLOB, and what they need (repeatable)",
			Commands: plans,
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Analyze.Include }),
		},
		{
			Name:     "exclude",
			Group:    GroupAnalysis,
			Kind:     List,
			Usage:    "never keep paths that match GLOB (repeatable)",
			Commands: plans,
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Analyze.Exclude }),
		},
	}
}

// includeOptions add to what is kept, and say whose the files are.
func includeOptions() []Option {
	return []Option{
		{
			Name:     "include-exe",
			Group:    GroupAnalysis,
			Kind:     List,
			Usage:    "keep a PROGRAM, by name or path, and what it needs (repeatable)",
			Commands: plans,
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Analyze.IncludeExe }),
		},
		{
			Name:     "include-package",
			Group:    GroupAnalysis,
			Kind:     List,
			Usage:    "keep all files of a PACKAGE (repeatable)",
			Commands: plans,
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Analyze.IncludePackage }),
		},
		{
			Name:     "include-shell",
			Group:    GroupAnalysis,
			Kind:     Switch,
			Usage:    "keep a shell and the usual small programs",
			Commands: plans,
			SetBy:    Repository,
			Shapes:   true,
			field:    switchField(func(o *Options) *bool { return &o.Analyze.IncludeShell }),
		},
		{
			Name:     "disable-rule",
			Group:    GroupAnalysis,
			Kind:     List,
			Usage:    "disable the rule NAME, which keeps or drops paths (repeatable; slim explain names the rules of a path)",
			Commands: plans,
			Allowed:  rules.Names(),
			SetBy:    Repository,
			Shapes:   true,
			field:    listField(func(o *Options) *[]string { return &o.Analyze.DisableRules }),
		},
		{
			Name:     "user",
			Group:    GroupAnalysis,
			Usage:    "USER that the slim image runs as: root, UID or UID:GID",
			Commands: plans,
			Example:  "examples: --user 65532, --user 65532:65532, --user root",
			SetBy:    Repository,
			Shapes:   true,
			field: field{
				set: setUser,
				get: func(o *Options) any { return o.Analyze.User },
			},
		},
	}
}

// exportOptions say where the result goes.
func exportOptions() []Option {
	return []Option{
		{
			Name:     "tag",
			Short:    "t",
			Group:    GroupOutput,
			Kind:     List,
			Usage:    "NAME of the slim image (repeatable; default NAME.slim:TAG)",
			Commands: onlyBuild,
			Why:      whyExport,
			field:    listField(func(o *Options) *[]string { return &o.Export.Names }),
		},
		{
			Name:     "load",
			Group:    GroupOutput,
			Kind:     Switch,
			Usage:    "load the slim image into the Docker engine, or into podman",
			Commands: onlyBuild,
			Why:      whyExport,
			field:    switchField(func(o *Options) *bool { return &o.Export.Load }),
		},
		{
			Name:     "push",
			Group:    GroupOutput,
			Kind:     Switch,
			Usage:    "push the slim image to its registry",
			Commands: onlyBuild,
			Why:      whyPush,
			field:    switchField(func(o *Options) *bool { return &o.Export.Push }),
		},
		{
			Name:     "output",
			Short:    "o",
			Group:    GroupOutput,
			Kind:     List,
			Usage:    "write the slim image to type=oci|docker|tar|local|image,dest=PATH (repeatable; dest=- is stdout)",
			Commands: onlyBuild,
			Example:  "example: --output type=oci,dest=slim.tar",
			Why:      whyExport,
			field:    field{set: addOutput},
		},
		{
			Name:     "artifacts",
			Group:    GroupOutput,
			Usage:    "write report.html, evidence, plan, verdict, and the files that confine the running image, into DIR",
			Commands: onlyBuild,
			Why:      whyExport,
			field:    field{set: func(o *Options, dir string) error { o.Materials = dir != ""; return nil }},
		},
	}
}

// imageOptions say how the image is written and what goes with it.
func imageOptions() []Option {
	return []Option{
		{
			Name:     "no-attest",
			Group:    GroupOutput,
			Kind:     Switch,
			Usage:    "attach no attestations (SBOMs, provenance, trace, test result)",
			Commands: onlyBuild,
			Why:      whyWords,
			field:    switchField(func(o *Options) *bool { return &o.Export.NoAttest }),
		},
		{
			Name:     "sbom-author",
			Group:    GroupOutput,
			Usage:    "who has the bills of materials made: \"NAME <ADDRESS>\", an e-mail address or a URL (default slim itself)",
			Commands: onlyBuild,
			Why:      whyWords,
			field:    textField(func(o *Options) *string { return &o.SBOMAuthor }),
		},
		{
			Name:     "resource-labels",
			Group:    GroupOutput,
			Kind:     Switch,
			Usage:    "add labels with the measured memory and storage (another run may measure other values and so give another digest)",
			Commands: onlyBuild,
			Why:      whyWords,
			field:    switchField(func(o *Options) *bool { return &o.ResourceLabels }),
		},
		{
			Name:     "strict",
			Group:    GroupOutput,
			Kind:     Switch,
			Usage:    "fail the build if the image cannot run under its profile",
			Commands: onlyBuild,
			SetBy:    Repository,
			field:    switchField(func(o *Options) *bool { return &o.Strict }),
		},
		{
			Name:     "compression",
			Group:    GroupOutput,
			Usage:    "compression of the layers: KIND gzip, zstd or uncompressed",
			Commands: results,
			Allowed:  []string{"gzip", "zstd", "uncompressed"},
			Why:      whyClient,
			Locked:   "gzip",
			Shapes:   true,
			field:    textField(func(o *Options) *string { return &o.Export.Compression }),
		},
	}
}

// cacheOptions say where BuildKit's cache is kept besides its own state.
func cacheOptions() []Option {
	return []Option{
		{
			Name:     "cache-from",
			Group:    GroupBuildKit,
			Kind:     List,
			Usage:    "import BuildKit's cache, in buildx's syntax: type=registry,ref=REF (repeatable)",
			Commands: onlyBuild,
			Example:  "example: --cache-from type=registry,ref=REF",
			Why:      whyCache,
			field:    field{set: addCacheFrom},
		},
		{
			Name:     "cache-to",
			Group:    GroupBuildKit,
			Kind:     List,
			Usage:    "export BuildKit's cache, in buildx's syntax: type=local,dest=DIR (repeatable)",
			Commands: onlyBuild,
			Example:  "example: --cache-to type=local,dest=DIR",
			Why:      whyCache,
			field:    field{set: addCacheTo},
		},
	}
}
