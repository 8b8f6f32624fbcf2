package builder

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"golang.org/x/sync/errgroup"
	"mvdan.cc/sh/v3/shell"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/engine"
)

const (
	probeRoot      = "/.slim/probe"
	defaultTimeout = 120 // seconds
)

// observation is the evidence, as data and as it lies in BuildKit.
type observation struct {
	evidence *analyzer.Evidence
	states   []llb.State // one directory with evidence.json for each run
}

// observe runs the image once for each job, or uses the evidence that was given. An image of a foreign platform is not run: its evidence
// is native, the observation of the platform that the engine runs.
func (b *build) observe(ctx context.Context, c gateway.Client, in input, native *observation) (seen *observation, err error) {
	if b.foreign {
		return b.foreignEvidence(in, native)
	}
	if err := b.checkAccounts(ctx, c, in.state); err != nil {
		return nil, err
	}
	if len(b.opt.Evidence) > 0 {
		return b.givenEvidence(in)
	}
	if err := b.openProbeImage(ctx, c); err != nil {
		return nil, err
	}
	jobs, err := b.jobs(in.config, in.digest)
	if err != nil {
		return nil, err
	}
	done := b.step(StageObserve, "observe")
	defer func() { done(err) }()
	seen, err = b.runJobs(ctx, c, in.state, jobs, "observe")
	if err != nil {
		return seen, err
	}
	if failures := failuresOf(seen.evidence); len(failures) > 0 && !b.opt.KeepGoing {
		return seen, &ObservationError{Evidence: seen.evidence, Failures: failures}
	}
	return seen, nil
}

func (b *build) givenEvidence(in input) (*observation, error) {
	all, err := analyzer.Merge(b.opt.Evidence...)
	if err != nil {
		return nil, err
	}
	if all.Image == "" {
		all.Image = in.digest
		all.Warnings = append(all.Warnings, "the evidence does not name its image; it was used for this one")
	}
	if b.opt.Input != nil && b.opt.Input.Is(all.Image) {
		all.Image = in.digest
	}
	if all.Image != in.digest && analyzer.SamePlatform(all.Platform, b.platformString()) {
		return nil, fmt.Errorf("the evidence is of image %s, the input is %s", all.Image, in.digest)
	}
	state := llb.Local(evidenceMount, llb.SharedKeyHint("slim-evidence"), llb.WithCustomName("[slim] given evidence"))
	return &observation{evidence: all, states: []llb.State{state}}, nil
}

// jobs lists the runs: the image's own command, then one for each --run.
func (b *build) jobs(config *imageConfig, image string) ([]*analyzer.Job, error) {
	var jobs []*analyzer.Job
	if !b.opt.Observe.NoDefault || len(b.opt.Observe.Runs) == 0 {
		job, err := b.job(config, image, analyzer.DefaultRun, nil)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	for _, line := range b.opt.Observe.Runs {
		args, err := shell.Fields(line, func(string) string { return "" })
		if err != nil {
			return nil, fmt.Errorf("--run %q: %w", line, err)
		}
		job, err := b.job(config, image, "run "+line, args)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job)
	}
	first := jobs[0]
	for _, line := range b.opt.Observe.Execs {
		first.Steps = append(first.Steps, analyzer.Step{Name: "exec: " + line, Exec: &analyzer.ExecStep{Line: line}})
	}
	first.Steps = append(first.Steps, b.opt.Observe.Steps...)
	if b.probe != nil {
		b.addProbeImage(first)
	}
	return jobs, nil
}

func (b *build) job(config *imageConfig, image, name string, args []string) (*analyzer.Job, error) {
	entry, err := config.entry(args)
	if err != nil {
		return nil, err
	}
	timeout := b.opt.Observe.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &analyzer.Job{Schema: analyzer.JobSchema, Image: image, Platform: b.platformString(), Name: name, Process: entry,
		AutoProbe: true, Timeout: timeout, Trace: true, Syscalls: b.opt.Observe.Syscalls, Mounts: jobMounts(b.opt.Observe.Mounts),
		MaxTasks: b.opt.Observe.MaxTasks, MaxMemory: b.opt.Observe.MaxMemory}, nil
}

// runJobs runs every job in its own step and merges their evidence.
func (b *build) runJobs(ctx context.Context, c gateway.Client, root llb.State, jobs []*analyzer.Job, name string) (*observation, error) {
	found := make([]*analyzer.Evidence, len(jobs))
	seen := &observation{states: make([]llb.State, len(jobs))}
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(2)
	for i, job := range jobs {
		title := name
		if len(jobs) > 1 {
			title = fmt.Sprintf("%s: %s", name, job.Name)
		}
		eg.Go(func() (err error) {
			found[i], seen.states[i], err = b.runJob(ctx, c, root, job, title)
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	var err error
	seen.evidence, err = analyzer.Merge(found...)
	return seen, err
}

// checkAccounts returns an error if a file of an image that runc opens, before it executes anything, is not a regular file. A named pipe
// would block it, and a device may have no end.
func (b *build) checkAccounts(ctx context.Context, c gateway.Client, root llb.State) (err error) {
	done := b.step(StageImport, b.inputName())
	defer func() { done(err) }()
	ref, err := b.solve(ctx, c, root)
	if err != nil {
		return b.stageError(ctx, "reading the image", err)
	}
	for _, name := range []string{"/etc/passwd", "/etc/group"} {
		stat, err := ref.StatFile(ctx, gateway.StatRequest{Path: name})
		if err == nil && !fs.FileMode(stat.Mode).IsRegular() {
			return fmt.Errorf("%s of the image is not a regular file: the image cannot be started", name)
		}
	}
	return ctx.Err()
}

// runJob runs one job. If BuildKit's cache answers with a run that failed, the job runs again. An image that needs what tracing
// with seccomp takes away (a setuid program under no_new_privs) runs again without it, which is slower.
func (b *build) runJob(ctx context.Context, c gateway.Client, root llb.State, job *analyzer.Job,
	title string) (*analyzer.Evidence, llb.State, error) {
	found, own, state, err := b.runOnce(ctx, c, root, job, title, anyRun)
	if err == nil && !own && found.Runs[0].Failure != "" {
		found, _, state, err = b.runOnce(ctx, c, root, job, title, freshRun)
	}
	if err != nil || !found.NeedsPlain() || job.Plain || job.Confine != nil { // a profile decides itself about no_new_privs
		return found, state, err
	}
	plain := *job
	plain.Plain = true
	return b.runJob(ctx, c, root, &plain, title+" (without seccomp)")
}

// freshness says whose run of a job a build takes.
type freshness int

const (
	anyRun   freshness = iota // also one from BuildKit's cache
	freshRun                  // a new one; BuildKit may give it to other builds that ask for the same at this moment
	ownRun                    // a new one that no other build can ask for
)

// runOnce runs one job, and again where BuildKit answers with a run whose evidence is not sealed for this build: one from its cache that
// nobody has accepted, or that of another build at the same moment. own reports that this build ran the job.
func (b *build) runOnce(ctx context.Context, c gateway.Client, root llb.State, job *analyzer.Job, title string,
	fresh freshness) (found *analyzer.Evidence, own bool, state llb.State, err error) {
	if state, err = b.evidenceState(root, job, title, fresh); err != nil {
		return nil, false, state, err
	}
	release, err := b.alone(ctx, job)
	if err != nil {
		return nil, false, state, err
	}
	limited, stop := b.deadlines.limit(ctx, title, job.Timeout)
	defer stop()
	done := b.gate.open()
	ref, err := b.solve(limited, c, state)
	done()
	release()
	if err != nil && fresh < ownRun && limited.Err() == nil && notOwn(err) {
		b.agentLog.forget()
		stop()
		return b.runOnce(ctx, c, root, job, title, fresh+1)
	}
	if late := new(DeadlineError); err != nil && errors.As(context.Cause(limited), &late) {
		return nil, false, state, late
	}
	if err != nil {
		return nil, false, state, b.stageError(ctx, "running the image", err)
	}
	data, err := readFile(ctx, ref, "evidence.json")
	if err != nil {
		return nil, false, state, err
	}
	if found, err = analyzer.ReadEvidence(bytes.NewReader(data)); err != nil {
		return nil, false, state, err
	}
	if err := answers(found, job); err != nil {
		return nil, false, state, err
	}
	id, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: "run-id"})
	return found, err == nil && string(id) == b.runID, state, nil
}

// notOwn reports whether a run failed because of another build: the evidence is not sealed for this one (analyzer.ExitUnsealed), which is
// also so where the environment of --env was that of the other, or a step of the other failed.
func notOwn(err error) bool {
	var exit *gatewaypb.ExitError
	return isForeign(err) || errors.As(err, &exit) && exit.ExitCode == analyzer.ExitUnsealed
}

// alone waits until no other build of this user runs the same job at this moment; afterwards its run is in BuildKit's cache. BuildKit
// would make one step of the two, with the secrets of either (moby/buildkit solver, edge merging).
func (b *build) alone(ctx context.Context, job *analyzer.Job) (release func(), err error) {
	if b.request != nil {
		return func() {}, nil // a frontend has no directory
	}
	data, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("writing the job: %w", err)
	}
	return engine.Alone(ctx, data)
}

// answers returns an error if evidence is not that of a job.
func answers(found *analyzer.Evidence, job *analyzer.Job) error {
	switch {
	case len(found.Runs) != 1:
		return fmt.Errorf("the agent's evidence has %d runs, not one", len(found.Runs))
	case found.Image != job.Image || found.Platform != job.Platform:
		return fmt.Errorf("the agent's evidence is of %s (%s), the job is of %s (%s)", found.Image, found.Platform, job.Image, job.Platform)
	case found.Runs[0].Name != job.Name || !slices.Equal(found.Runs[0].Argv, job.Process.Argv):
		return fmt.Errorf("the agent's evidence is of the run %q %q, the job is %q %q", found.Runs[0].Name, found.Runs[0].Argv, job.Name,
			job.Process.Argv)
	}
	return nil
}

// openProbeImage resolves --probe-image.
func (b *build) openProbeImage(ctx context.Context, c gateway.Client) error {
	name := b.opt.Observe.ProbeRef
	if name == "" || b.probe != nil {
		return nil
	}
	state, raw, err := b.resolve(ctx, c, name)
	if err != nil {
		return fmt.Errorf("resolving the probe image %s: %w", name, err)
	}
	if b.probe, err = parseConfig(raw); err != nil {
		return fmt.Errorf("probe image %s: %w", name, err)
	}
	b.probeState = &state
	return nil
}

// resolve finds an image that helps with the build, and pins it.
func (b *build) resolve(ctx context.Context, c gateway.Client, name string) (state llb.State, config []byte, err error) {
	opt := sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &b.platform}}
	_, dgst, config, err := c.ResolveImageConfig(ctx, name, opt)
	if err != nil {
		return state, nil, err
	}
	if dgst != "" {
		name += "@" + dgst.String()
	}
	return llb.Image(name, llb.Platform(b.platform)), config, nil
}

func (b *build) addProbeImage(job *analyzer.Job) {
	job.ProbeRoot = probeRoot
	job.ProbeArgv = b.opt.Observe.ProbeArgv
	if len(job.ProbeArgv) == 0 {
		job.ProbeArgv = append(slices.Clone(b.probe.Config.Entrypoint), b.probe.Config.Cmd...)
	}
	job.ProbeEnv, job.ProbeDir = b.probe.Config.Env, b.probe.Config.WorkingDir
}

func failuresOf(e *analyzer.Evidence) []string {
	var failures []string
	for _, run := range e.Runs {
		if run.Failure != "" {
			failures = append(failures, run.Name+": "+run.Failure)
		}
	}
	return failures
}

func newRunID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails (crypto/rand documentation since Go 1.24)
	return hex.EncodeToString(id[:])
}
