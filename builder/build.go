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
	"github.com/slimimage/slim/layers"
)

// build is one call of Build, Observe or Analyze.
type build struct {
	opt         Options
	platform    ocispecs.Platform
	evidenceDir string     // given evidence as files for BuildKit, "" without
	probeState  *llb.State // root filesystem of the probe image
	probe       *imageConfig
	said        *said             // what the agent last complained of
	ref         string            // BuildKit's name of the last build
	runID       string            // tells an observation made by this build from one in BuildKit's cache
	made        made              // what it ended with
	call        *call             // what a frontend was asked for, nil for the command line
	steps       ocispecs.Platform // of the steps and so of the agent: platform, or the engine's own where that is foreign to it
	foreign     bool              // the engine cannot run the image
	others      []*build          // of the same image for other platforms
	seen        *observation      // of the first platform, for a foreign one
}

// maxRounds is how often a plan is repaired with what its check found missing.
const maxRounds = 3

// Build observes the input (unless evidence is given), decides what to keep, packs it, checks the result against the
// original and exports it. Errors: *SlimmedError, *ObservationError and *CheckError (then nothing was exported), or what
// BuildKit said.
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
	result := b.newResult()
	response, err := b.run(ctx, b.opt.Export, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return b.pipeline(ctx, c, result)
	})
	if err != nil {
		return result, err
	}
	if err := b.finish(ctx, result, response); err != nil || !opt.Lock {
		return result, err
	}
	result.Lock, err = b.lock(ctx, result)
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
		src, err := b.openSource(ctx, c)
		if err != nil {
			return nil, err
		}
		seen, err = b.observe(ctx, c, src)
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
	result := b.newResult()
	_, err = b.run(ctx, Export{}, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		src, err := b.openSource(ctx, c)
		if err != nil {
			return nil, err
		}
		seen, err := b.observe(ctx, c, src)
		if err != nil {
			return nil, err
		}
		_, err = b.analyze(ctx, c, src, seen, nil, &hardening{}, result)
		return gateway.NewResult(), err
	})
	return result, err
}

// pipeline is the gateway function: the stages from top to bottom.
func (b *build) pipeline(ctx context.Context, c gateway.Client, result *Result) (*gateway.Result, error) {
	for _, one := range append([]*build{b}, b.others...) {
		if reason := one.unrun(); b.opt.Strict && reason != "" {
			return nil, &StrictError{Result: result, Reason: reason}
		}
	}
	slim, seen, err := b.make(ctx, c, result)
	if err != nil {
		return nil, err
	}
	res := gateway.NewResult()
	if err := b.add(ctx, c, res, slim, result); err != nil {
		return nil, err
	}
	if err := b.join(ctx, c, res, seen, result); err != nil || res.Ref != nil {
		return res, err
	}
	return res, b.listPlatforms(res)
}

// make makes the slim image for one platform.
func (b *build) make(ctx context.Context, c gateway.Client, result *Result) (*slimmed, *observation, error) {
	src, err := b.openSource(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	seen, err := b.observe(ctx, c, src)
	if err != nil {
		return nil, nil, err
	}
	slim, err := b.shrink(ctx, c, src, seen, result)
	if err != nil {
		return nil, nil, err
	}
	if result.Verdict != nil && !result.Verdict.OK && !b.opt.KeepGoing {
		return nil, nil, &CheckError{Result: result}
	}
	if reason := notStrict(result); b.opt.Strict && reason != "" {
		return nil, nil, &StrictError{Result: result, Reason: reason}
	}
	if err := b.scan(ctx, c, src, slim, result); err != nil {
		return nil, nil, err
	}
	return slim, seen, nil
}

// add puts an image and what is attached to it into the result of the gateway function. A tar, a directory and Docker's classic store take no
// attestations, and with any the docker exporter writes what docker load refuses: where one of these is asked for, there are none.
func (b *build) add(ctx context.Context, c gateway.Client, res *gateway.Result, slim *slimmed, result *Result) error {
	attested := b.attested()
	if attested || b.opt.Materials {
		var err error
		if result.Materials, err = b.materials(ctx, c, slim); err != nil {
			return err
		}
	}
	if !attested && len(b.opt.Others) == 0 && len(res.Refs) == 0 {
		res.SetRef(slim.ref)
		res.AddMeta(exptypes.ExporterImageConfigKey, slim.config)
		return nil
	}
	id := b.platformString()
	res.AddMeta(exptypes.ExporterImageConfigKey+"/"+id, slim.config)
	res.AddRef(id, slim.ref)
	if !attested {
		return nil
	}
	statements, err := b.statements(result, result.Materials)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		result.Attested = append(result.Attested, statement.predicateType)
	}
	return b.attach(ctx, c, res, statements)
}

// notStrict is why a result is not proven to run hardened, "" where it is.
func notStrict(result *Result) string {
	v := result.Verdict
	switch {
	case v == nil && result.Unchecked != "":
		return "it was not checked: " + result.Unchecked
	case v == nil:
		return "it was not checked"
	case result.Plan.User.UID == 0:
		return "it runs as root (" + result.Plan.User.Reason + ")"
	case !v.Confined && v.Unconfined != "":
		return v.Unconfined
	case !v.Confined:
		return "it runs only without it"
	}
	return ""
}

// slimmed is a packed image.
type slimmed struct {
	ref    gateway.Reference
	state  llb.State
	config []byte
	parsed *imageConfig
}

// analyze turns evidence into the plan.
func (b *build) analyze(ctx context.Context, c gateway.Client, src source, seen *observation, repair [][]layers.Path, extra *hardening, result *Result) (plan llb.State, err error) {
	name := "analyze"
	if len(repair) > 0 {
		name = fmt.Sprintf("analyze: repair round %d", len(repair))
	}
	done := b.step(name)
	defer func() { done(err) }()
	entry, err := src.config.entry(nil)
	if err != nil && len(b.opt.Observe.Runs) == 0 {
		return plan, err
	}
	req := &analyzer.Request{Schema: analyzer.RequestSchema, Image: src.digest, Platform: b.platformString(), Process: entry,
		Options: b.opt.Analyze, Repair: repair, Writable: extra.writable, NeedsRoot: extra.needsRoot}
	plan, err = b.analyzeState(src.state, req, seen.states, name)
	if err != nil {
		return plan, err
	}
	ref, err := b.solve(ctx, c, plan)
	if err != nil {
		return plan, b.stageError(ctx, "analyzing", err)
	}
	if why, err := readFile(ctx, ref, "error.txt"); err == nil {
		return plan, fmt.Errorf("analyzing: %s", why)
	}
	data, err := readFile(ctx, ref, "plan.json")
	if err != nil {
		return plan, err
	}
	result.Image, result.Evidence = src.digest, seen.evidence
	if !analyzer.SamePlatform(seen.evidence.Platform, b.platformString()) {
		result.Unobserved = fmt.Sprintf("what is kept follows from the evidence of %s and from its own files", seen.evidence.Platform)
	}
	result.Plan, err = analyzer.ReadPlan(data)
	if err != nil {
		return plan, err
	}
	result.SizeBefore, result.SizeAfter = result.Plan.Before.Bytes, result.Plan.After.Bytes
	sizes := analyzer.SizesOf(result.Plan)
	result.Sizes = &sizes
	return plan, nil
}

// pack makes the slim root filesystem and its config.
func (b *build) pack(ctx context.Context, c gateway.Client, src source, plan llb.State, result *Result) (s *slimmed, err error) {
	done := b.step("pack")
	defer func() { done(err) }()
	epoch := b.epoch(src)
	s = &slimmed{state: b.packState(src.state, plan, result.Plan.Layers, epoch)}
	if s.ref, err = b.solve(ctx, c, s.state); err != nil {
		return nil, b.stageError(ctx, "packing", err)
	}
	if b.opt.ResourceLabels {
		src.labels = resourceLabels(b.model(src, result.Evidence, result.Plan, &hardening{}), src.config)
	}
	if s.config, result.Config, err = slimConfig(src.config, src, result.Plan, epoch); err != nil {
		return nil, err
	}
	s.parsed, err = parseConfig(s.config)
	return s, err
}

func newBuild(opt Options) (*build, error) {
	if opt.Engine == nil {
		return nil, errors.New("no BuildKit engine")
	}
	b := &build{opt: opt, platform: platforms.DefaultSpec(), runID: newRunID(), said: &said{}}
	if opt.Input != nil {
		b.platform = ocispecs.Platform{OS: opt.Input.Platform.OS, Architecture: opt.Input.Platform.Architecture, Variant: opt.Input.Platform.Variant}
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
	b.settle(opt.Engine.Platforms)
	return b, b.addOthers(opt.Engine.Platforms)
}

// writeEvidence puts the given evidence, united, where BuildKit can fetch it.
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

func (b *build) newResult() *Result {
	return &Result{Schema: ResultSchema, Input: b.inputName(), Platform: b.platformString()}
}

func (b *build) platformString() string { return platforms.Format(b.platform) }

func (b *build) platformOption() llb.RunOption { return llb.Platform(b.steps) }

func (b *build) epoch(src source) int64 {
	if b.opt.Epoch != nil {
		return *b.opt.Epoch
	}
	return src.config.epoch()
}

func (b *build) step(name string) func(error) {
	if b.opt.Step == nil {
		return func(error) {}
	}
	if done := b.opt.Step(name); done != nil {
		return done
	}
	return func(error) {}
}
