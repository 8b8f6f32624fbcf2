package builder

import (
	"context"
	"strconv"

	"github.com/moby/buildkit/client/llb"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/compare"
)

// checkTries is how often the slim image is asked before a difference counts: an answer may hold a time or a number that is the
// same twice by chance.
const checkTries = 3

// tries runs the same probes against the slim image and compares the answers. Where they differ, the original is run once
// more, and the slim image too: what differs between two runs of one image is no difference.
func (k *checker) tries(ctx context.Context, title string, config *imageConfig, confine *analyzer.Confinement) (v *analyzer.Verdict, err error) {
	done := k.step(title)
	defer func() { done(err) }()
	for try := range checkTries {
		found, err := k.repeat(ctx, k.slim.state, config, confine, title, try)
		if err != nil {
			return nil, err
		}
		if try == 0 {
			k.result.Check = found
		}
		verdict := compare.Verdict(k.seen, k.again, found)
		if v == nil || verdict.OK {
			missing := verdict.Missing
			if v != nil {
				missing = v.Missing
			}
			v = verdict
			v.Missing = missing
		}
		if v.OK || !compare.NeedsSecond(k.seen, found) {
			return v, nil
		}
		if k.again == nil {
			if k.again, err = k.repeat(ctx, k.src.state, k.src.config, nil, "observe", 1); err != nil {
				return nil, err
			}
			if v = compare.Verdict(k.seen, k.again, found); v.OK || len(v.Missing) > 0 {
				return v, nil
			}
		}
	}
	return v, nil
}

// repeat runs an image's jobs for the given time; the first is number 0.
func (k *checker) repeat(ctx context.Context, root llb.State, config *imageConfig, confine *analyzer.Confinement, name string, number int) (*analyzer.Evidence, error) {
	jobs, err := k.jobs(config, k.src.digest)
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		job.Again, job.Confine = number, confine
	}
	if number > 0 {
		name += " again"
		if number > 1 {
			name += " " + strconv.Itoa(number)
		}
	}
	seen, err := k.runJobs(ctx, k.client, root, jobs, name)
	if err != nil {
		return nil, err
	}
	return seen.evidence, nil
}
