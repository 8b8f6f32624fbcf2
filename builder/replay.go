package builder

import (
	"context"
	"fmt"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
)

// replay makes an image again from its lock, without running the application. First without a name, so that one that came out
// otherwise gets none; then it is exported.
func replay(ctx context.Context, opt Options) (*Result, error) {
	lock := opt.Locked
	if err := lock.Fits(opt); err != nil {
		return nil, err
	}
	opt.Evidence, opt.NoCheck = []*analyzer.Evidence{lock.seen}, true
	b, err := newBuild(opt)
	if err != nil {
		return nil, err
	}
	defer b.close()
	result := b.newResult()
	result.Unchecked = "it was made again from its lock, and checked when that was written"
	if lock.Check.Checked == 0 {
		result.Unchecked = "nor was it when the lock was written"
	}
	b.opt.CacheTo = nil // the second run's
	response, err := b.run(ctx, b.unnamed(), func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return b.rebuild(ctx, c, result)
	})
	if err != nil {
		return result, err
	}
	if result.Manifest, err = manifestOf(response); err != nil {
		return result, err
	}
	if result.Manifest != lock.Manifest {
		return result, b.otherwise(ctx, fmt.Sprintf("the result is %s, the lock says %s", result.Manifest, lock.Manifest))
	}
	b.opt.Status, b.opt.CacheTo = nil, opt.CacheTo // the first ended with the first run
	done := b.step("export")
	response, err = b.run(ctx, b.opt.Export, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if b.made.slim.ref, err = b.solve(ctx, c, b.made.slim.state); err != nil {
			return nil, err
		}
		res := gateway.NewResult()
		if err := b.add(ctx, c, res, b.made.slim, result); err != nil || res.Ref != nil {
			return res, err
		}
		return res, b.listPlatforms(res)
	})
	done(err)
	if err != nil {
		return result, err
	}
	return result, b.finish(ctx, result, response)
}

// rebuild is the gateway function of a replay.
func (b *build) rebuild(ctx context.Context, c gateway.Client, result *Result) (*gateway.Result, error) {
	lock := b.opt.Locked
	src, err := b.openSource(ctx, c)
	if err != nil {
		return nil, err
	}
	input, err := b.inputOf(ctx, src)
	if err != nil {
		return nil, err
	}
	if input.Digest != lock.Input.Digest {
		return nil, &LockError{Reason: moved(lock.Input, input), Hint: again}
	}
	seen, err := b.observe(ctx, c, src)
	if err != nil {
		return nil, err
	}
	if _, err := b.shrink(ctx, c, src, seen, result); err != nil {
		return nil, err
	}
	if planDigest(result.Plan) != lock.Plan {
		return nil, b.otherwise(ctx, "another choice of files than the lock's comes out of the same evidence")
	}
	if b.opt.Strict && !lock.Check.Confined {
		return nil, &StrictError{Result: result, Reason: "when the lock was written it ran only without it"}
	}
	model := b.model(src, seen.evidence, result.Plan, b.made.extra)
	result.Profile = &model
	return b.plain(ctx, c, false)
}

// moved says what is not as it was locked.
func moved(was, is LockedInput) string {
	bases := map[string]string{}
	for _, base := range was.Bases {
		bases[base.Reference] = base.Digest
	}
	for _, base := range is.Bases {
		if before := bases[base.Reference]; before != "" && before != base.Digest {
			return fmt.Sprintf("the input moved: the base %s is %s, the lock has %s", base.Reference, base.Digest, before)
		}
	}
	if is.Kind == InputDockerfile {
		return fmt.Sprintf("the input moved: %s or a file that it takes is not what was locked", is.Reference)
	}
	return fmt.Sprintf("the input moved: %s is %s, the lock is of %s", is.Reference, is.Digest, was.Digest)
}

// otherwise is the error of a result that is not the lock's though its input is.
func (b *build) otherwise(ctx context.Context, what string) error {
	hint := again
	if b.opt.Dockerfile != nil {
		hint = "a Dockerfile that is built again may give other files or times: keep its cache (--cache-from, --cache-to), or lock the built image"
	}
	if now := b.engineVersion(ctx); now != b.opt.Locked.Engine {
		what += fmt.Sprintf(" (it was made by %s, this is %s)", b.opt.Locked.Engine, now)
	}
	return &LockError{Reason: what, Hint: hint}
}

// unnamed exports into BuildKit's own store without a name: it tells the digest that the image has wherever it goes.
func (b *build) unnamed() Export {
	return Export{Outputs: []Output{{Type: bkclient.ExporterImage}}, Compression: b.opt.Export.Compression, NoAttest: true}
}

// plain is the image that was made, and nothing attached to it. earlier says that it was made in another run, with which its
// reference ended.
func (b *build) plain(ctx context.Context, c gateway.Client, earlier bool) (_ *gateway.Result, err error) {
	slim := b.made.slim
	if earlier {
		if slim.ref, err = b.solve(ctx, c, slim.state); err != nil {
			return nil, err
		}
	}
	res := gateway.NewResult()
	res.SetRef(slim.ref)
	res.AddMeta(exptypes.ExporterImageConfigKey, slim.config)
	return res, nil
}

func manifestOf(response *bkclient.SolveResponse) (string, error) {
	if digest := response.ExporterResponse[exptypes.ExporterImageDigestKey]; digest != "" {
		return digest, nil
	}
	return "", errNoDigest
}
