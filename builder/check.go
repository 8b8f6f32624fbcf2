package builder

import (
	"context"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
)

// checkTries is how often the slim image is asked before a difference counts: an answer may hold a time or a number that is the
// same twice by chance.
const checkTries = 3

// check runs the same probes against the slim image and compares the answers. Where they differ, the original is run once
// more, and the slim image too: what differs between two runs of one image is no difference.
func (b *build) check(ctx context.Context, c gateway.Client, src source, seen *observation, slim *slimmed, result *Result) (v *analyzer.Verdict, err error) {
	done := b.step("check")
	defer func() { done(err) }()
	var again *analyzer.Evidence
	for try := range checkTries {
		found, err := b.repeat(ctx, c, slim.state, slim.parsed, src.digest, "check", try)
		if err != nil {
			return nil, err
		}
		if try == 0 {
			result.Check = found
		}
		verdict := analyzer.Compare(seen.evidence, again, found)
		if v == nil || verdict.OK {
			missing := verdict.Missing
			if v != nil {
				missing = v.Missing
			}
			v = verdict
			v.Missing = missing
		}
		if v.OK || !analyzer.NeedsSecond(seen.evidence, found) {
			return v, nil
		}
		if again == nil {
			if again, err = b.repeat(ctx, c, src.state, src.config, src.digest, "observe", 1); err != nil {
				return nil, err
			}
			if v = analyzer.Compare(seen.evidence, again, found); v.OK || len(v.Missing) > 0 {
				return v, nil
			}
		}
	}
	return v, nil
}

// repeat runs an image's jobs for the given time; the first is number 0.
func (b *build) repeat(ctx context.Context, c gateway.Client, root llb.State, config *imageConfig, image, name string, number int) (*analyzer.Evidence, error) {
	jobs, err := b.jobs(config, image)
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		job.Again = number
	}
	if number > 0 {
		name += " again"
	}
	seen, err := b.runJobs(ctx, c, root, jobs, name)
	if err != nil {
		return nil, err
	}
	return seen.evidence, nil
}
