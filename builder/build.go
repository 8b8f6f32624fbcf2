package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer"
)

// build is the environment of one call of Build, Observe or Analyze, for one platform. The stages are its methods; what they find and
// make is in their results.
type build struct {
	opt         Options
	platform    ocispecs.Platform
	evidenceDir string     // the given evidence as files for BuildKit, "" without
	probeState  *llb.State // root filesystem of the probe image
	helper      *llb.State // that of the helper image of --update-from, nil without one
	probe       *imageConfig
	agentLog    *agentLog
	ref         string // BuildKit's identifier of the last build
	deadlines   *deadlines
	token       string            // known to this build and the agent in its steps (analyzer.TokenEnv)
	runID       string            // distinguishes an observation of this build from one in BuildKit's cache
	gate        *envGate          // opened for the values of --env
	newDirs     []string          // directories that an exporter makes
	request     *frontendRequest  // nil for the command line
	steps       ocispecs.Platform // of the steps and the agent: platform, or the engine's own if platform is foreign to the engine
	foreign     bool              // the engine cannot run the image
	others      []*build          // of the same image for other platforms
	stage       Stage             // that it is in
	inOrder     bool              // nothing is done ahead (ahead.go)
}

// Build observes the input (unless evidence is given), decides what to keep, packs it, checks the result against the
// original and exports it. Errors: *SlimmedError, *ObservationError, *ExerciseError and *CheckError (then nothing was exported), or one of
// BuildKit. With an error, Result has the data of the stages before it.
func Build(ctx context.Context, opt Options) (*Result, error) {
	if len(opt.Others) > 0 && (opt.Lock || opt.Locked != nil) {
		return nil, errors.New("a lock is of one platform: name one with --platform, and a file of its own for each with --lock")
	}
	if opt.Locked != nil {
		return replay(ctx, opt)
	}
	b, err := newBuild(opt)
	if err != nil {
		return nil, err
	}
	defer b.close()
	out := &outcome{}
	response, err := b.run(ctx, b.opt.Export, func(ctx context.Context, c gateway.Client) (res *gateway.Result, err error) {
		res, out, err = b.pipeline(ctx, c)
		return res, err
	})
	if err != nil {
		return b.result(out), err
	}
	if err := b.closeDirs(); err != nil {
		return b.result(out), err
	}
	out.export = b.exported(ctx, response)
	if b.opt.Export.Push && b.pushesFromDocker() {
		if out.export.digest, err = b.pushFromDocker(ctx); err != nil {
			return b.result(out), err
		}
	}
	result := b.result(out)
	if opt.Lock {
		result.Lock, err = b.makeLock(ctx, out)
	}
	return result, err
}

// Observe runs the input and returns what happened. An observation that failed is returned with an *ObservationError.
func Observe(ctx context.Context, opt Options) (*analyzer.Evidence, error) {
	b, err := newBuild(opt)
	if err != nil {
		return nil, err
	}
	defer b.close()
	var seen *observation
	_, err = b.run(ctx, Export{}, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		in, err := b.openInput(ctx, c)
		if err != nil {
			return nil, err
		}
		seen, err = b.observe(ctx, c, in, nil)
		return gateway.NewResult(), err
	})
	if seen == nil {
		return nil, err
	}
	return seen.evidence, err
}

// Analyze observes the input (unless evidence is given) and decides what to keep; it makes no image.
func Analyze(ctx context.Context, opt Options) (*Result, error) {
	b, err := newBuild(opt)
	if err != nil {
		return nil, err
	}
	defer b.close()
	out := &outcome{}
	_, err = b.run(ctx, Export{}, func(ctx context.Context, c gateway.Client) (_ *gateway.Result, err error) {
		if out.in, err = b.openInput(ctx, c); err != nil {
			return nil, err
		}
		if out.seen, err = b.observe(ctx, c, out.in, nil); err != nil {
			return nil, err
		}
		out.plan, err = b.analyze(ctx, c, out.in, out.seen, analyzer.Findings{})
		return gateway.NewResult(), err
	})
	return b.result(out), err
}

// pipeline is the gateway function: it makes the image for each platform, and puts the images and their attestations into BuildKit's
// result. The outcome is that of the first platform; it is never nil.
func (b *build) pipeline(ctx context.Context, c gateway.Client) (*gateway.Result, *outcome, error) {
	if err := b.refuseUnchecked(); err != nil {
		return nil, &outcome{}, err
	}
	res := gateway.NewResult()
	first, err := b.makeImage(ctx, c, res, nil)
	if err != nil {
		return nil, first, err
	}
	for _, other := range b.others {
		out, err := other.makeImage(ctx, c, res, first.seen)
		if err != nil {
			return nil, first, fmt.Errorf("%s: %w", other.platformString(), err)
		}
		first.others = append(first.others, out)
	}
	if res.Ref != nil {
		return res, first, nil
	}
	return res, first, b.listPlatforms(res)
}

// makeImage makes the slim image for one platform: the stages from top to bottom. native is the observation of the platform that the
// engine runs, nil for that one itself.
func (b *build) makeImage(ctx context.Context, c gateway.Client, res *gateway.Result, native *observation) (out *outcome, err error) {
	out = &outcome{}
	if out.in, err = b.openInput(ctx, c); err != nil {
		return out, err
	}
	if out.seen, err = b.observe(ctx, c, out.in, native); err != nil {
		return out, err
	}
	if err = b.exercised(out.seen); err != nil {
		return out, err
	}
	if err = b.updateInput(ctx, c, out); err != nil {
		return out, err
	}
	if out.candidate, err = b.shrink(ctx, c, out.in, out.seen); err != nil {
		return out, err
	}
	if err = b.accept(out); err != nil {
		return out, err
	}
	if out.scan, err = b.scan(ctx, c, out.in, out.candidate); err != nil {
		return out, err
	}
	if out.materials, err = b.materials(ctx, c, out.plan.Plan, out.image); err != nil {
		return out, err
	}
	out.attested, err = b.add(ctx, c, res, out)
	return out, err
}

// accept returns an error for an image that must not be exported: it fails its check, or does not run hardened despite Options.Strict.
func (b *build) accept(out *outcome) error {
	if out.verdict != nil && !out.verdict.OK && !b.opt.KeepGoing {
		return &CheckError{Result: b.result(out)}
	}
	if reason := out.notStrict(); b.opt.Strict && reason != "" {
		return &StrictError{Result: b.result(out), Reason: reason}
	}
	return nil
}

// refuseUnchecked returns an error if Options.Strict is set and the engine cannot run one of the images.
func (b *build) refuseUnchecked() error {
	for _, one := range b.platforms() {
		if b.opt.Strict && one.foreign {
			return &StrictError{Result: b.result(&outcome{}), Reason: one.whyNotRun()}
		}
	}
	return nil
}

// platforms are the builds of all platforms of the image.
func (b *build) platforms() []*build { return append([]*build{b}, b.others...) }

// add puts an image into the result of the gateway function, and attaches statements about it. It returns the types of their
// predicates. Several exporters refuse attestations (Export.attested); without any, one image is the whole result.
func (b *build) add(ctx context.Context, c gateway.Client, res *gateway.Result, out *outcome) ([]string, error) {
	attested := b.attested()
	if !attested && len(b.opt.Others) == 0 && len(res.Refs) == 0 {
		res.SetRef(out.image.ref)
		res.AddMeta(exptypes.ExporterImageConfigKey, out.image.config)
		return nil, nil
	}
	id := b.platformString()
	res.AddMeta(exptypes.ExporterImageConfigKey+"/"+id, out.image.config)
	res.AddRef(id, out.image.ref)
	if !attested {
		return nil, nil
	}
	statements, err := b.statements(b.result(out))
	if err != nil {
		return nil, err
	}
	types := make([]string, len(statements))
	for i, statement := range statements {
		types[i] = statement.predicateType
	}
	return types, b.attach(ctx, c, res, statements)
}

func newBuild(opt Options) (*build, error) {
	if opt.Engine == nil {
		return nil, errors.New("no BuildKit engine")
	}
	b := &build{opt: opt, platform: ownPlatform(opt.Engine.Platforms), runID: newRunID(), token: newRunID(), gate: &envGate{},
		agentLog: &agentLog{}, deadlines: &deadlines{}}
	if opt.Input != nil {
		p := opt.Input.Platform
		b.platform = ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
	} else if opt.Platform != "" {
		p, err := platforms.Parse(opt.Platform)
		if err != nil {
			return nil, fmt.Errorf("platform %q: %w", opt.Platform, err)
		}
		b.platform = p
	}
	if len(opt.Evidence) > 0 {
		if err := b.writeEvidence(); err != nil {
			return b, err
		}
	}
	b.chooseSteps(opt.Engine.Platforms)
	return b, b.addOthers(opt.Engine.Platforms)
}

// writeEvidence merges the given evidence and writes it to a directory that BuildKit can read.
func (b *build) writeEvidence() error {
	all, err := analyzer.Merge(b.opt.Evidence...)
	if err != nil {
		return err
	}
	if b.evidenceDir, err = os.MkdirTemp("", "slim-evidence-"); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(b.evidenceDir, "evidence.json"))
	if err != nil {
		return err
	}
	return errors.Join(all.Write(f), f.Close())
}

func (b *build) close() {
	if b.evidenceDir != "" {
		os.RemoveAll(b.evidenceDir)
	}
}

func (b *build) platformString() string { return platforms.Format(b.platform) }

func (b *build) platformOption() llb.RunOption { return llb.Platform(b.steps) }

func (b *build) epoch(in input) int64 {
	if b.opt.Epoch != nil {
		return *b.opt.Epoch
	}
	return in.config.epoch()
}
