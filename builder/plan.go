package builder

import (
	"context"
	"fmt"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
)

// planned is the output of analyze.
type planned struct {
	*analyzer.Plan
	state llb.State // directory with plan.json
}

// analyze makes the plan from the evidence and the findings of earlier checks. The step that runs it reads the image where it is.
func (b *build) analyze(ctx context.Context, c gateway.Client, in input, seen *observation,
	found analyzer.Findings) (p *planned, err error) {
	name := "analyze"
	if len(found.Repair) > 0 {
		name = fmt.Sprintf("analyze: repair round %d", len(found.Repair))
	}
	done := b.step(StageAnalyze, name)
	defer func() { done(err) }()
	entry, err := in.config.entry(nil)
	if err != nil && len(b.opt.Observe.Runs) == 0 {
		return nil, err
	}
	found.Syscalls, found.Capabilities = nil, nil // they do not change a plan: the same request finds the plan in BuildKit's cache
	req := &analyzer.Request{Schema: analyzer.RequestSchema, Image: in.digest, Platform: b.platformString(), Process: entry,
		Options: b.opt.Analyze, Findings: found}
	state, err := b.analyzeState(in.state, req, seen.states, name)
	if err != nil {
		return nil, err
	}
	ref, err := b.solve(ctx, c, state)
	if err != nil {
		return nil, b.stageError(ctx, "analyzing", err)
	}
	if why, err := readFile(ctx, ref, "error.txt"); err == nil {
		return nil, fmt.Errorf("analyzing: %s", why)
	}
	data, err := readFile(ctx, ref, "plan.json")
	if err != nil {
		return nil, err
	}
	plan, err := analyzer.ReadPlan(data)
	if err != nil {
		return nil, err
	}
	return &planned{Plan: plan, state: state}, nil
}
