package builder

import (
	"context"
	"slices"

	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/compare"
	"github.com/slimimage/slim/layers"
)

// maxRounds is how often a plan is repaired with the findings of its check.
const maxRounds = 3

// candidate is one attempt at a slim image: the outputs of analyze, pack and check. What a failed stage would have given is nil.
type candidate struct {
	plan  *planned
	image *packed
	checked
	unchecked string // why there was no check although one was asked for
}

// shrink analyzes, packs and checks until an image passes its check or cannot be repaired. An application that ran as root and that
// fails its check as another user runs as root in the result if it passes as root.
func (b *build) shrink(ctx context.Context, c gateway.Client, in input, seen *observation) (candidate, error) {
	base, unchecked, err := b.baseline(ctx, c, in, seen)
	if err != nil {
		return candidate{}, err
	}
	r := &repairer{build: b, client: c, in: in, seen: seen}
	if base != nil {
		r.checker = &checker{build: b, client: c, in: in, original: base.evidence, answers: in.reference(base.evidence),
			versions: in.versions()}
	}
	best, err := r.rounds(ctx, b.opt.Locked.Findings())
	best.unchecked = unchecked
	if err != nil || base == nil || best.verdict.OK || !b.mayNeedRoot(seen.evidence, best) {
		return best, err
	}
	rooted, err := r.rounds(ctx, analyzer.Findings{NeedsRoot: best.verdict.Differences[0].String()})
	if err != nil || !rooted.verdict.OK {
		return best, err
	}
	return rooted, nil
}

// mayNeedRoot reports whether a candidate that failed its check might pass as root, as whom a process of the original began or ended.
func (b *build) mayNeedRoot(seen *analyzer.Evidence, failed candidate) bool {
	return b.opt.Analyze.User == "" && failed.plan.User.UID != 0 && len(failed.verdict.Differences) > 0 &&
		slices.ContainsFunc(seen.Processes, func(p analyzer.Process) bool { return p.UID == 0 || p.From == 0 })
}

// repairer makes candidates from one observation.
type repairer struct {
	*build
	client  gateway.Client
	in      input
	seen    *observation
	checker *checker // nil without a check
}

// rounds makes candidates, each with the findings of the check of the one before, and returns the last.
func (r *repairer) rounds(ctx context.Context, found analyzer.Findings) (try candidate, err error) {
	for round := 0; ; round++ {
		if try, err = r.round(ctx, found); err != nil || r.checker == nil || try.verdict.OK {
			return try, err
		}
		next, repairable := repair(try)
		if !repairable || round == maxRounds {
			open, err := r.checker.withoutProfile(ctx, try.image, try.verdict)
			if err == nil && open != nil {
				try.verdict = open
			}
			return try, err
		}
		found = next
	}
}

// round makes one candidate.
func (r *repairer) round(ctx context.Context, found analyzer.Findings) (try candidate, err error) {
	try.findings = found
	if try.plan, err = r.analyze(ctx, r.client, r.in, r.seen, found); err != nil {
		return try, err
	}
	if try.image, err = r.pack(ctx, r.client, r.in, r.seen, try.plan); err != nil || r.checker == nil {
		return try, err
	}
	result, err := r.checker.check(ctx, try.image, try.plan.Plan, found)
	if err == nil {
		try.checked = result
	}
	return try, err
}

// repair adds what the failed check of a candidate shows to its findings: paths that the image lacks, and directories that its user
// could not write in. It returns false if there are none.
func repair(failed candidate) (analyzer.Findings, bool) {
	found, plan := failed.findings, failed.plan.Plan
	missing := compare.Repairable(failed.verdict, plan, failed.evidence, found.Repair)
	closed := slices.DeleteFunc(compare.Unwritable(plan, failed.evidence), func(dir layers.Path) bool {
		return slices.Contains(found.Writable, dir)
	})
	found.Repair = append(slices.Clip(found.Repair), missing)
	found.Writable = append(slices.Clip(found.Writable), closed...)
	return found, len(missing)+len(closed) > 0
}

// baseline returns what the check compares with: the observation or, if evidence was given, a run of the original. Without a check it
// returns nil, and the reason if a check was asked for.
func (b *build) baseline(ctx context.Context, c gateway.Client, in input, seen *observation) (_ *observation, unchecked string, err error) {
	switch {
	case b.opt.Locked != nil && b.opt.Locked.Check.Checked == 0:
		return nil, "it was rebuilt from a lock that was written without a check", nil
	case b.opt.Locked != nil:
		return nil, "it was rebuilt from a lock that was written after a check", nil
	case b.opt.NoCheck:
		return nil, "", nil
	case b.foreign:
		return nil, b.whyNotRun(), nil
	case len(b.opt.Evidence) == 0:
		return seen, "", nil
	}
	if err := b.openProbeImage(ctx, c); err != nil {
		return nil, "", err
	}
	jobs, err := b.jobs(in.config, in.digest)
	if err != nil {
		return nil, "", err
	}
	own, err := b.runJobs(ctx, c, in.state, jobs, "observe for the check")
	if err != nil {
		return nil, "", err
	}
	if failures := failuresOf(own.evidence); len(failures) > 0 {
		return nil, "the original does not run here: " + failures[0], nil
	}
	return own, "", nil
}
