package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder/agent"
)

// Names of the directories that this client provides to BuildKit, and paths of the agent in a step.
const (
	agentMount    = "slim-agent"
	evidenceMount = "slim-evidence"

	binDir = "/.slim/bin"
	inDir  = "/.slim/in"
	outDir = "/.slim/out"
	srcDir = "/src"
)

// maxResult is the maximum size of a file that a stage wrote, in bytes: a plan of a million files has about 200 MB.
const maxResult = 512 << 20

// chunk is how much of a file one gateway message carries: gRPC's default limit for a message is 16 MiB
// (buildkit defaults.DefaultMaxRecvMsgSize).
const chunk = 8 << 20

// anyExit accepts every exit code of a step: the application is its first process, whose exit code is in the evidence.
var anyExit = func() []int {
	codes := make([]int, 256)
	for i := range codes {
		codes[i] = i
	}
	return codes
}()

// agentMount mounts the agent: from the frontend's own image, or from this client.
func (b *build) agentMount() llb.RunOption {
	if b.request != nil {
		return llb.AddMount(binDir, b.request.image, llb.Readonly, llb.SourcePath(agent.ImageDir(b.steps.Architecture)))
	}
	return llb.AddMount(binDir, llb.Local(agentMount, llb.SharedKeyHint("slim-agent"), llb.WithCustomName("[slim] agent"),
		llb.FollowPaths([]string{agent.Name})), llb.Readonly)
}

// sourceMount mounts an image for reading.
func (b *build) sourceMount(image llb.State) llb.RunOption {
	return llb.AddMount(srcDir, image, append(b.unread(), llb.Readonly)...)
}

// unread keeps BuildKit from reading all files of a mount to find a step that had the same ones: what made them identifies them.
func (b *build) unread() []llb.MountOption {
	if !b.supports(pb.CapExecMountContentCache) {
		return nil
	}
	return []llb.MountOption{llb.ContentCache(llb.MountContentCacheOff)}
}

// supports reports whether BuildKit has a capability. Every engine of the command line has those that are used here; the BuildKit of a
// frontend may be older.
func (b *build) supports(id apicaps.CapID) bool {
	return b.request == nil || b.request.caps.Supports(id) == nil
}

// evidenceState runs a job in root and returns the directory with evidence.json and run-id, which the application could not change.
func (b *build) evidenceState(root llb.State, job *analyzer.Job, name string, fresh freshness) (llb.State, error) {
	state, err := b.observeState(root, job, name, fresh)
	if err != nil {
		return state, err
	}
	opts := []llb.RunOption{
		llb.Args([]string{binDir + "/" + agent.Name, "accept", "--in", inDir, "--out", outDir}),
		b.agentMount(),
		llb.AddMount(inDir, state, llb.Readonly),
		b.secrets(),
		llb.Network(pb.NetMode_NONE),
		llb.WithCustomName("[slim] " + name + ": the evidence"),
		b.platformOption(),
	}
	if fresh > anyRun {
		opts = append(opts, llb.IgnoreCache)
	}
	return llb.Scratch().Run(opts...).AddMount(outDir, llb.Scratch()), nil
}

// stepMark begins the names of slim's own steps.
const stepMark = "[slim] "

// stepName is the name of a step in BuildKit's progress. Clients print names of steps as they are, so nothing in one is obeyed.
func stepName(title string) string { return stepMark + printable.Text(title) }

// titled names a step of slim.
func titled(title string) llb.ConstraintsOpt { return llb.WithCustomName(stepName(title)) }

// secrets are the values of a build that do not change what a step does: see analyzer.RunIDEnv and analyzer.TokenEnv.
func (b *build) secrets() llb.RunOption {
	return llb.WithProxy(llb.ProxyEnv{FTPProxy: b.runID, NoProxy: b.token})
}

// observeState runs a job in root and returns the directory that the agent wrote into.
func (b *build) observeState(root llb.State, job *analyzer.Job, name string, fresh freshness) (llb.State, error) {
	job, env := b.withEnv(job)
	data, err := json.Marshal(job)
	if err != nil {
		return llb.State{}, fmt.Errorf("writing the job: %w", err)
	}
	in := llb.Scratch().File(llb.Mkfile("/job.json", 0o644, data), b.named(name+": the job"))
	if fresh == ownRun { // of another content than that of any other build
		in = in.File(llb.Mkfile("/run-id", 0o644, []byte(b.runID)), b.named(name+": the run"))
	}
	args := []string{binDir + "/" + agent.Name, "observe", "--job", inDir + "/job.json", "--out", outDir}
	exits := llb.ValidExitCodes(anyExit...)
	if !b.supports(pb.CapExecValidExitCode) {
		args, exits = append(args, "--child"), llb.ValidExitCodes()
	}
	opts := []llb.RunOption{
		llb.Args(args),
		b.agentMount(),
		llb.AddMount(inDir, in, llb.Readonly),
		b.secrets(),
		llb.Network(b.network()),
		exits,
		llb.Dir("/"),
		llb.User("0:0"), // with the group: an older BuildKit looks a lone number up in /etc/passwd
		titled(name),
		b.platformOption(),
	}
	opts = append(append(opts, env...), b.startOptions()...)
	mounts, err := b.userMounts()
	if err != nil {
		return llb.State{}, err
	}
	opts = append(opts, mounts...)
	if b.probeState != nil {
		opts = append(opts, llb.AddMount(probeRoot, *b.probeState))
	}
	if job.Confine != nil {
		opts = append(opts, b.confinedMounts(root, job.Confine)...)
	}
	if fresh > anyRun {
		opts = append(opts, llb.IgnoreCache)
	}
	return llb.State(root).Run(opts...).AddMount(outDir, llb.Scratch()), nil
}

// analyzeState turns evidence into a plan.
func (b *build) analyzeState(image llb.State, req *analyzer.Request, evidence []llb.State, name string) (llb.State, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return llb.State{}, fmt.Errorf("writing the request: %w", err)
	}
	in := llb.Scratch().File(llb.Mkfile("/request.json", 0o644, data), titled(name+": the request"))
	for i, state := range evidence {
		in = in.File(llb.Copy(state, "/evidence.json", "/evidence-"+strconv.Itoa(i)+".json"),
			titled(name+": evidence "+strconv.Itoa(i+1)))
	}
	run := llb.Scratch().Run(
		llb.Args([]string{binDir + "/" + agent.Name, "analyze", "--src", srcDir, "--in", inDir, "--out", outDir}),
		b.agentMount(),
		b.sourceMount(image),
		llb.AddMount(inDir, in, llb.Readonly),
		llb.Network(pb.NetMode_NONE),
		b.named(name),
		b.platformOption(),
	)
	return run.AddMount(outDir, llb.Scratch()), nil
}

// packState copies the plan's files out of the image, one step and so one layer at a time.
func (b *build) packState(image, plan llb.State, list []analyzer.Layer, epoch int64) llb.State {
	out := llb.Scratch()
	for i, layer := range list {
		run := llb.Scratch().Run(
			llb.Args([]string{binDir + "/" + agent.Name, "pack", "--src", srcDir, "--plan", inDir + "/plan.json",
				"--layer", strconv.Itoa(i), "--epoch", strconv.FormatInt(epoch, 10), "--out", "/out"}),
			b.agentMount(),
			b.sourceMount(image),
			llb.AddMount(inDir, plan, llb.Readonly),
			llb.Network(pb.NetMode_NONE),
			b.named("pack: "+layer.Name+" layer"),
			b.platformOption(),
		)
		out = run.AddMount("/out", out, b.unread()...)
	}
	return out
}

func (b *build) network() pb.NetMode {
	switch b.opt.Observe.Network {
	case "default":
		return pb.NetMode_UNSET
	case "host":
		return pb.NetMode_HOST
	}
	return pb.NetMode_NONE
}

// solve runs a state to its end.
func (b *build) solve(ctx context.Context, c gateway.Client, state llb.State) (gateway.Reference, error) {
	def, err := state.Marshal(ctx, llb.Platform(b.steps), b.inStage())
	if err != nil {
		return nil, fmt.Errorf("writing the build graph: %w", err)
	}
	imports, err := cacheImports(c)
	if err != nil {
		return nil, err
	}
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true, CacheImports: imports})
	if err != nil {
		return nil, foreign(err, def)
	}
	ref, err := res.SingleRef()
	if err == nil && ref == nil {
		err = errors.New("the step has no result")
	}
	return ref, err
}

// readFile reads a file that a stage wrote.
func readFile(ctx context.Context, ref gateway.Reference, name string) ([]byte, error) {
	return readUpTo(ctx, ref, name, maxResult)
}

// readUpTo reads a file of at most limit bytes.
func readUpTo(ctx context.Context, ref gateway.Reference, name string, limit int64) ([]byte, error) {
	stat, err := ref.StatFile(ctx, gateway.StatRequest{Path: name})
	if err != nil {
		return nil, fmt.Errorf("reading %s of a step: %w", name, err)
	}
	if stat.Mode&uint32(fs.ModeType) != 0 { // to read a pipe is to wait for a writer
		return nil, fmt.Errorf("reading %s of a step: it is not a regular file", name)
	}
	if stat.Size > limit {
		return nil, fmt.Errorf("reading %s of a step: %d bytes are too many", name, stat.Size)
	}
	data := make([]byte, 0, stat.Size)
	for int64(len(data)) < stat.Size {
		part, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: name, Range: &gateway.FileRange{Offset: len(data), Length: chunk}})
		if err != nil {
			return nil, fmt.Errorf("reading %s of a step: %w", name, err)
		}
		if len(part) == 0 {
			return nil, fmt.Errorf("reading %s of a step: it ends after %d of %d bytes", name, len(data), stat.Size)
		}
		data = append(data, part...)
	}
	return data, nil
}
