package builder

import (
	"context"

	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
)

// check runs the same probes against the slim image and compares the answers. Where they differ, the original is run once
// more: what differs between two of its own runs is no difference.
func (b *build) check(ctx context.Context, c gateway.Client, src source, seen *observation, slim *slimmed, result *Result) (v *analyzer.Verdict, err error) {
	done := b.step("check")
	defer func() { done(err) }()
	jobs, err := b.jobs(slim.parsed, src.digest)
	if err != nil {
		return nil, err
	}
	found, err := b.runJobs(ctx, c, slim.state, jobs, "check")
	if err != nil {
		return nil, err
	}
	result.Check = found.evidence
	var again *analyzer.Evidence
	if analyzer.NeedsSecond(seen.evidence, found.evidence) {
		if again, err = b.observeAgain(ctx, c, src); err != nil {
			return nil, err
		}
	}
	return analyzer.Compare(seen.evidence, again, found.evidence), nil
}

func (b *build) observeAgain(ctx context.Context, c gateway.Client, src source) (*analyzer.Evidence, error) {
	jobs, err := b.jobs(src.config, src.digest)
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		job.Again = true
	}
	second, err := b.runJobs(ctx, c, src.state, jobs, "observe again")
	if err != nil {
		return nil, err
	}
	return second.evidence, nil
}
