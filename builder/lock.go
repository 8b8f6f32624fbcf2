package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/builder/lock"
)

// makeLock makes the lock of a finished build.
func (b *build) makeLock(ctx context.Context, out *outcome) (_ *lock.Lock, err error) {
	if v := out.verdict; v != nil && !v.OK || len(failuresOf(out.seen.evidence)) > 0 {
		return nil, &lock.Error{Reason: "an image that failed its run or its check is not locked", Hint: "build it without --keep-going"}
	}
	done := b.step(StageExport, "lock")
	defer func() { done(err) }()
	l := &lock.Lock{Schema: lock.Schema, Options: OptionsOf(b.opt), Plan: planDigest(out.plan.Plan), Engine: b.engineVersion(ctx),
		Seen: withoutAnswers(out.seen.evidence)}
	if out.updates != nil {
		l.Update = &update.Report{Schema: update.ReportSchema, Manager: out.updates.Manager, Note: out.updates.Note}
		if out.in.update != nil {
			l.Update.Changes = out.in.update.report.Changes
		}
	}
	l.Check.Findings = out.findings
	l.Check.Syscalls = slices.Compact(slices.Sorted(slices.Values(out.findings.Syscalls)))
	if v := out.verdict; v != nil {
		l.Check.Checked, l.Check.Confined, l.Check.AnyUser = v.Checked+v.Connected, v.Confined, v.AnyUser
	}
	b.opt.Status, b.opt.CacheTo = nil, nil // both were for the build
	response, err := b.run(ctx, b.unnamed(), func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if l.Input, err = b.inputOf(ctx, out.in.origin()); err != nil {
			return nil, err
		}
		if out.image.ref, err = b.solve(ctx, c, out.image.state); err != nil { // the reference ended with the build
			return nil, err
		}
		if err := b.lockPackages(ctx, c, l, out); err != nil {
			return nil, err
		}
		return out.image.result(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("making the lock: %w", err)
	}
	l.Manifest, err = manifestOf(response)
	return l, err
}

// lockPackages records the packages of the slim image.
func (b *build) lockPackages(ctx context.Context, c gateway.Client, l *lock.Lock, out *outcome) error {
	subject, _, err := b.subject(ctx, c, out.image.state, listTitle, b.materialArgs(out.plan.Plan, out.image)...)
	if err != nil {
		return err
	}
	for _, pkg := range subject.Packages {
		l.Packages = append(l.Packages, pkg.Purl)
	}
	slices.Sort(l.Packages)
	l.Packages, l.Incomplete = slices.Compact(l.Packages), subject.Incomplete
	return nil
}

// inputOf describes the input.
func (b *build) inputOf(ctx context.Context, in input) (lock.Input, error) {
	locked := lock.Input{Kind: lock.KindImage, Reference: b.inputName(), Digest: in.digest, Platform: b.platformString()}
	if b.opt.Dockerfile == nil {
		return locked, nil
	}
	var err error
	locked.Kind = lock.KindDockerfile
	locked.Digest, locked.Bases, err = b.recipe(ctx, in)
	return locked, err
}

// withoutAnswers returns evidence without the content of answers: a lock does not need it, and it may be large and differ in each run.
func withoutAnswers(e *analyzer.Evidence) *analyzer.Evidence {
	slim := *e
	slim.Runs = slices.Clone(e.Runs)
	for i, run := range slim.Runs {
		answers := slices.Clone(run.Answers)
		for j := range answers {
			answers[j].Body, answers[j].Stderr = nil, nil
		}
		slim.Runs[i].Answers = answers
	}
	return &slim
}

func planDigest(plan *analyzer.Plan) string { return digestOf(plan) }

// digestOf is the digest of a value's JSON. The values are plain data, whose encoding cannot fail.
func digestOf(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		data = []byte(err.Error())
	}
	return digest.FromBytes(data).String()
}

// engineVersion returns the versions that make the image.
func (b *build) engineVersion(ctx context.Context) lock.Engine {
	e := lock.Engine{Slim: "devel", BuildKit: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		e.Slim = strings.Trim(info.Main.Version, "()")
	}
	if workers, err := b.opt.Engine.Client.ListWorkers(ctx); err == nil && len(workers) > 0 && workers[0].BuildkitVersion.Version != "" {
		e.BuildKit = workers[0].BuildkitVersion.Version
	}
	return e
}

var errNoDigest = errors.New("this BuildKit does not report the digest of an image: pass --engine embedded, or a buildkitd's address")
