package builder

import (
	"context"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
)

// packed is a slim image: the output of pack.
type packed struct {
	ref     gateway.Reference
	state   llb.State
	config  []byte
	parsed  *imageConfig
	changes Config // of the config, compared with the original's
}

// pack makes the root filesystem of the slim image from the plan, and its config.
func (b *build) pack(ctx context.Context, c gateway.Client, in input, seen *observation, p *planned) (s *packed, err error) {
	done := b.step(StagePack, "pack")
	defer func() { done(err) }()
	epoch := b.epoch(in)
	s = &packed{state: b.packState(in.state, p.state, p.Layers, epoch)}
	if s.ref, err = b.solve(ctx, c, s.state); err != nil {
		return nil, b.stageError(ctx, "packing", err)
	}
	if b.opt.ResourceLabels {
		in.labels = resourceLabels(b.model(in, seen.evidence, p.Plan, analyzer.Findings{}), in.config)
	}
	if s.config, s.changes, err = slimConfig(in.config, in, p.Plan, epoch); err != nil {
		return nil, err
	}
	s.parsed, err = parseConfig(s.config)
	return s, err
}

// result is the image alone as the result of a gateway function, without attestations.
func (s *packed) result() *gateway.Result {
	res := gateway.NewResult()
	res.SetRef(s.ref)
	res.AddMeta(exptypes.ExporterImageConfigKey, s.config)
	return res
}
