package builder

import (
	"context"
	"fmt"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/lock"
)

// replay rebuilds an image from its lock, without running the application. It first builds the image without a name, and exports it only
// if it is the image of the lock.
func replay(ctx context.Context, opt Options) (*Result, error) {
	locked := opt.Locked
	if err := locked.Fits(OptionsOf(opt)); err != nil {
		return nil, err
	}
	opt.Evidence = []*analyzer.Evidence{locked.Seen}
	b, err := newBuild(opt)
	if err != nil {
		return nil, err
	}
	defer b.close()
	out := &outcome{}
	b.opt.CacheTo = nil // for the second run
	response, err := b.run(ctx, b.unnamed(), func(ctx context.Context, c gateway.Client) (_ *gateway.Result, err error) {
		if out, err = b.rebuild(ctx, c); err != nil {
			return nil, err
		}
		return out.image.result(), nil
	})
	if err != nil {
		return b.result(out), err
	}
	if out.export.manifest, err = manifestOf(response); err != nil {
		return b.result(out), err
	}
	if got := out.export.manifest; got != locked.Manifest {
		return b.result(out), b.notReproduced(ctx, fmt.Sprintf("the result is %s, the lock has %s", got, locked.Manifest))
	}
	b.opt.Status, b.opt.CacheTo = nil, opt.CacheTo // the channel was closed at the end of the first run
	if response, err = b.exportRebuilt(ctx, out); err != nil {
		return b.result(out), err
	}
	if err := b.closeDirs(); err != nil {
		return b.result(out), err
	}
	export := b.exported(ctx, response)
	if export.manifest == "" {
		export.manifest = out.export.manifest
	}
	out.export = export
	return b.result(out), nil
}

// rebuild makes the image of a lock from the evidence and the findings in the lock.
func (b *build) rebuild(ctx context.Context, c gateway.Client) (out *outcome, err error) {
	locked := b.opt.Locked
	out = &outcome{}
	if out.in, err = b.openInput(ctx, c); err != nil {
		return out, err
	}
	found, err := b.inputOf(ctx, out.in)
	if err != nil {
		return out, err
	}
	if found.Digest != locked.Input.Digest {
		return out, &lock.Error{Reason: inputChange(locked.Input, found), Hint: lock.HintRelock}
	}
	if err = b.updateLocked(ctx, c, out); err != nil {
		return out, err
	}
	if out.seen, err = b.observe(ctx, c, out.in, nil); err != nil {
		return out, err
	}
	if out.candidate, err = b.shrink(ctx, c, out.in, out.seen); err != nil {
		return out, err
	}
	if planDigest(out.plan.Plan) != locked.Plan {
		return out, b.notReproduced(ctx, "the same evidence gives another choice of files than that of the lock")
	}
	if b.opt.Strict && !locked.Check.Confined {
		return out, &StrictError{Result: b.result(out), Reason: "it passed its check only without the profile when the lock was written"}
	}
	model := b.model(out.in, out.seen.evidence, out.plan.Plan, out.findings)
	out.profile = &model
	return out, nil
}

// exportRebuilt exports the image of a replay under its names, with attestations.
func (b *build) exportRebuilt(ctx context.Context, out *outcome) (response *bkclient.SolveResponse, err error) {
	return b.run(ctx, b.opt.Export, func(ctx context.Context, c gateway.Client) (_ *gateway.Result, err error) {
		if out.image.ref, err = b.solve(ctx, c, out.image.state); err != nil {
			return nil, err
		}
		if out.materials, err = b.materials(ctx, c, out.plan.Plan, out.image); err != nil {
			return nil, err
		}
		res := gateway.NewResult()
		if out.attested, err = b.add(ctx, c, res, out); err != nil || res.Ref != nil {
			return res, err
		}
		return res, b.listPlatforms(res)
	})
}

// inputChange describes the difference between the locked input and the present one.
func inputChange(was, is lock.Input) string {
	bases := map[string]string{}
	for _, base := range was.Bases {
		bases[base.Reference] = base.Digest
	}
	for _, base := range is.Bases {
		if before := bases[base.Reference]; before != "" && before != base.Digest {
			return fmt.Sprintf("the input moved: the base %s is %s, the lock has %s", base.Reference, base.Digest, before)
		}
	}
	if is.Kind == lock.KindDockerfile {
		return fmt.Sprintf("the input moved: %s or a file that it takes is not what was locked", is.Reference)
	}
	return fmt.Sprintf("the input moved: %s is %s, the lock is of %s", is.Reference, is.Digest, was.Digest)
}

// notReproduced is the error for a result that differs from the lock's although the input is the same.
func (b *build) notReproduced(ctx context.Context, what string) error {
	hint := lock.HintRelock
	if b.opt.Dockerfile != nil {
		hint = "a Dockerfile may give other files or times when it is built again: " +
			"keep its cache (--cache-from, --cache-to), or lock the built image"
	}
	if now := b.engineVersion(ctx); now != b.opt.Locked.Engine {
		what += fmt.Sprintf(" (it was made by %s, this is %s)", b.opt.Locked.Engine, now)
	}
	return &lock.Error{Reason: what, Hint: hint}
}

// unnamed is an export into BuildKit's own store without a name. It reports the digest that the image has in every export.
func (b *build) unnamed() Export {
	return Export{Outputs: []Output{{Type: bkclient.ExporterImage}}, Compression: b.opt.Export.Compression, NoAttest: true}
}

// manifestOf returns the digest of an image that BuildKit exported.
func manifestOf(response *bkclient.SolveResponse) (string, error) {
	if digest := response.ExporterResponse[exptypes.ExporterImageDigestKey]; digest != "" {
		return digest, nil
	}
	return "", errNoDigest
}
