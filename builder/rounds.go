package builder

import (
	"context"
	"slices"

	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/compare"
	"github.com/slimimage/slim/layers"
)

// shrink analyzes, packs and checks. An application that ran as root and does not do the same as another user stays root's, and says so.
func (b *build) shrink(ctx context.Context, c gateway.Client, src source, seen *observation, result *Result) (*slimmed, error) {
	repair, extra := b.opt.Locked.repairs()
	base, err := b.baseline(ctx, c, src, seen, result)
	if err != nil {
		return nil, err
	}
	r := &rounds{build: b, client: c, src: src, seen: seen, base: base, result: result}
	slim, err := r.run(ctx, repair, extra)
	if err != nil || base == nil || result.Verdict.OK || !b.mayNeedRoot(seen.evidence, result) {
		return slim, err
	}
	failed, made := *result, b.made
	rooted, err := r.run(ctx, nil, &hardening{needsRoot: result.Verdict.Differences[0].String()})
	if err != nil || !result.Verdict.OK {
		*result, b.made = failed, made
		return slim, err
	}
	return rooted, nil
}

// mayNeedRoot says whether a result that failed its check might pass it as root, as which the original ran.
func (b *build) mayNeedRoot(seen *analyzer.Evidence, result *Result) bool {
	return b.opt.Analyze.User == "" && result.Plan.User.UID != 0 && len(result.Verdict.Differences) > 0 &&
		slices.ContainsFunc(seen.Processes, func(p analyzer.Process) bool { return p.UID == 0 })
}

// rounds are the tries to make an image that passes its check.
type rounds struct {
	*build
	client gateway.Client
	src    source
	seen   *observation
	base   *observation       // what the check compares with, nil where nothing is checked
	again  *analyzer.Evidence // of the original once more, where a check asked for it
	result *Result
}

// run analyzes, packs and checks, and does so again with what the check found missing.
func (r *rounds) run(ctx context.Context, repair [][]layers.Path, extra *hardening) (*slimmed, error) {
	result := r.result
	for round := 0; ; round++ {
		plan, err := r.analyze(ctx, r.client, r.src, r.seen, repair, extra, result)
		if err != nil {
			return nil, err
		}
		slim, err := r.pack(ctx, r.client, r.src, plan, result)
		if err != nil {
			return nil, err
		}
		r.made = made{r.src, slim, repair, extra}
		if r.base == nil {
			return slim, nil
		}
		k := &checker{build: r.build, client: r.client, src: r.src, seen: r.base.evidence, again: r.again, slim: slim, extra: extra, result: result}
		if result.Verdict, err = k.run(ctx); err != nil || result.Verdict.OK {
			return slim, err
		}
		r.again = k.again
		missing := compare.Repairable(result.Verdict, result.Plan, result.Check, repair)
		closed := extra.unknown(compare.Unwritable(result.Plan, result.Check))
		if len(missing)+len(closed) == 0 || round == maxRounds {
			last, err := k.unconfined(ctx, result.Verdict)
			if err == nil && last.OK {
				result.Verdict = last
			}
			return slim, err
		}
		repair, extra.writable = append(repair, missing), append(extra.writable, closed...)
	}
}

// baseline is what the check compares the result with: the observation or, where evidence was given, a run of the original made for
// the purpose. nil says that there is nothing to compare with; the result then says why.
func (b *build) baseline(ctx context.Context, c gateway.Client, src source, seen *observation, result *Result) (*observation, error) {
	if b.opt.NoCheck {
		return nil, nil
	}
	if result.Unchecked = b.unrun(); result.Unchecked != "" {
		return nil, nil
	}
	if len(b.opt.Evidence) == 0 {
		return seen, nil
	}
	if err := b.openProbeImage(ctx, c); err != nil {
		return nil, err
	}
	jobs, err := b.jobs(src.config, src.digest)
	if err != nil {
		return nil, err
	}
	own, err := b.runJobs(ctx, c, src.state, jobs, "observe for the check")
	if err != nil {
		return nil, err
	}
	if failures := failuresOf(own.evidence); len(failures) > 0 {
		result.Unchecked = "the original does not run here: " + failures[0]
		return nil, nil
	}
	return own, nil
}
