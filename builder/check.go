package builder

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/compare"
	"github.com/slimimage/slim/builder/profile"
)

const (
	// maxRuns is how often the slim image runs before a difference counts: an answer may contain a time or a counter that is equal twice
	// by chance.
	maxRuns = 3

	// arbitraryUser has no entry in the image and is in group 0. OpenShift starts containers as such a user (its guidelines for images:
	// "support arbitrary user ids"). The id is in the range that a rootless BuildKit has.
	arbitraryUID  = 61234
	arbitraryUser = "61234:0"
)

// checker compares slim images with their original.
type checker struct {
	*build
	client   gateway.Client
	in       input
	original *analyzer.Evidence // the first run of the original
	answers  *analyzer.Evidence // what an image must agree with: original, or what in.reference makes of it
	second   *analyzer.Evidence // a second run of the image as it was given, nil until a difference requires one
	versions []compare.Version  // of updated packages
}

// checked is the output of a check.
type checked struct {
	verdict  *analyzer.Verdict  // nil if there was no check
	evidence *analyzer.Evidence // of the slim image
	profile  *profile.Model     // that it ran under
	findings analyzer.Findings  // those of the checks before, and of this one
}

// trial is one way to run a slim image in a check.
type trial struct {
	title    string         // of the step
	model    *profile.Model // nil runs it without a profile
	plan     *analyzer.Plan // of the image
	unfilter bool           // leaves the seccomp filter out of the profile
	user     string         // replaces the image's own user if not empty
}

// check runs a slim image under its profile and compares its answers with those of the original. If only the seccomp filter or the
// capabilities of root are the cause of a difference, it adds the system calls of a run without the filter to the profile, then Docker's
// default capabilities, and runs the image again. At last it runs the image as an arbitrary user, which decides Verdict.AnyUser only.
func (k *checker) check(ctx context.Context, img *packed, plan *analyzer.Plan, found analyzer.Findings) (checked, error) {
	defer k.checkAhead(ctx, img, plan, found)()
	out, err := k.underProfile(ctx, img, plan, found)
	if err != nil || !out.verdict.Confined {
		return out, err
	}
	other, _, err := k.run(ctx, img, stranger(out.profile, plan))
	if err != nil {
		return out, err
	}
	out.verdict.AnyUser = other.OK
	if !other.OK && len(other.Differences) > 0 {
		out.verdict.AnyUserWhy = other.Differences[0].String()
	}
	return out, nil
}

// stranger is the run as an arbitrary user.
func stranger(model *profile.Model, plan *analyzer.Plan) trial {
	return trial{title: "check as any user", model: model, plan: plan, user: arbitraryUser}
}

// underProfile is the check as the image's own user. It sets Verdict.Confined if the image passed under its whole profile.
func (k *checker) underProfile(ctx context.Context, img *packed, plan *analyzer.Plan, found analyzer.Findings) (out checked, err error) {
	out.findings = found
	if err := k.confined(ctx, img, plan, &out, "check"); err != nil || out.verdict.OK {
		return out, err
	}
	strict := *out.profile
	loose := trial{title: "check without the seccomp filter", model: &strict, plan: plan, unfilter: true}
	if needsMore(strict) {
		wide := strict.WithCapabilities(analyzer.DefaultCapabilities())
		loose.title, loose.model = "check without the seccomp filter, with Docker's capabilities", &wide
	}
	if out.verdict, out.evidence, err = k.run(ctx, img, loose); err != nil || !out.verdict.OK {
		return out, err
	}
	if calls := out.evidence.Syscalls; refused(strict, calls) {
		out.findings.Syscalls = slices.Concat(found.Syscalls, calls)
		if err := k.confined(ctx, img, plan, &out, "check with more system calls"); err != nil || out.verdict.OK {
			return out, err
		}
	}
	if needsMore(strict) {
		out.findings.Capabilities = analyzer.DefaultCapabilities()
		err = k.confined(ctx, img, plan, &out, "check with more capabilities")
	}
	return out, err
}

// confined runs an image under the whole profile that follows from the findings.
func (k *checker) confined(ctx context.Context, img *packed, plan *analyzer.Plan, out *checked, title string) (err error) {
	model := k.model(k.in, k.original, plan, out.findings)
	out.profile = &model
	out.verdict, out.evidence, err = k.run(ctx, img, trial{title: title, model: &model, plan: plan})
	if err != nil {
		return err
	}
	out.verdict.Confined = out.verdict.OK
	for _, run := range out.evidence.Runs {
		out.verdict.Unfaithful = append(out.verdict.Unfaithful, run.Unfaithful...)
	}
	slices.Sort(out.verdict.Unfaithful)
	out.verdict.Unfaithful = slices.Compact(out.verdict.Unfaithful)
	return nil
}

// needsMore reports whether a profile grants root less than Docker's default.
func needsMore(model profile.Model) bool {
	return model.UID == 0 && slices.ContainsFunc(analyzer.DefaultCapabilities(), func(name string) bool {
		return !slices.Contains(model.Capabilities, name)
	})
}

// withoutProfile checks an image that failed under its profile as a container without one. It returns nil if that fails, too.
func (k *checker) withoutProfile(ctx context.Context, img *packed, failed *analyzer.Verdict) (*analyzer.Verdict, error) {
	v, _, err := k.run(ctx, img, trial{title: "check without a profile"})
	if err != nil || !v.OK {
		return nil, err
	}
	if len(failed.Differences) > 0 {
		v.Unconfined = failed.Differences[0].String()
	}
	return v, nil
}

// refused reports whether the seccomp filter of a profile refuses one of the system calls.
func refused(model profile.Model, syscalls []string) bool {
	allowed := profile.Allowed(model)
	return slices.ContainsFunc(syscalls, func(name string) bool { return !slices.Contains(allowed, name) })
}

// run executes a trial, repeatedly if the answers differ, and returns the evidence of the first run. Differences that there also are
// between two runs of the original do not count: a difference causes a second run of the original.
func (k *checker) run(ctx context.Context, img *packed, how trial) (v *analyzer.Verdict, first *analyzer.Evidence, err error) {
	done := k.step(StageCheck, how.title)
	defer func() { done(err) }()
	return k.judge(ctx, func(number int) (*analyzer.Evidence, error) { return k.see(ctx, img, how, number) })
}

// see executes a trial once; the first run has number 0.
func (k *checker) see(ctx context.Context, img *packed, how trial, number int) (*analyzer.Evidence, error) {
	confine, err := how.confinement()
	if err != nil {
		return nil, fmt.Errorf("making the profile: %w", err)
	}
	return k.repeat(ctx, img.state, how.config(img.parsed), confine, how.title, number, k.original)
}

// judge compares runs of an image, which see makes, with those of the original.
func (k *checker) judge(ctx context.Context, see func(number int) (*analyzer.Evidence, error)) (v *analyzer.Verdict,
	first *analyzer.Evidence, err error) {
	for number := range maxRuns {
		seen, err := see(number)
		if err != nil {
			return nil, nil, err
		}
		if number == 0 {
			first = seen
		}
		v = better(v, compare.Updated(k.answers, k.second, seen, k.versions))
		if v.OK || !compare.NeedsSecond(k.answers, seen) {
			return v, first, nil
		}
		if k.second != nil {
			continue
		}
		given := k.in.origin()
		if k.second, err = k.repeat(ctx, given.state, given.config, nil, "observe", 1, nil); err != nil {
			return nil, nil, err
		}
		if v = compare.Updated(k.answers, k.second, seen, k.versions); v.OK || len(v.Missing) > 0 {
			return v, first, nil
		}
	}
	return v, first, nil
}

// better returns the verdict of the later run if it is the first one or OK, else the earlier verdict. The missing look-ups are always
// those of the first run.
func better(earlier, later *analyzer.Verdict) *analyzer.Verdict {
	if earlier == nil {
		return later
	}
	if !later.OK {
		return earlier
	}
	later.Missing = earlier.Missing
	return later
}

// confinement is the profile of a trial in the form that the agent and the step apply, nil without a profile. What belongs to the image's
// user belongs to the user of the trial, as Kubernetes' fsGroup makes it.
func (t trial) confinement() (*analyzer.Confinement, error) {
	if t.model == nil {
		return nil, nil
	}
	c, err := confinement(*t.model, t.plan, !t.unfilter)
	if err == nil && t.user == arbitraryUser {
		for i := range c.Tmpfs {
			if mount := &c.Tmpfs[i]; mount.UID == t.model.UID {
				mount.UID, mount.GID = arbitraryUID, 0
			}
		}
	}
	return c, err
}

// config is the config that a trial runs an image with.
func (t trial) config(own *imageConfig) *imageConfig {
	if t.user == "" {
		return own
	}
	other := *own
	other.Config.User = t.user
	return &other
}

// repeat runs an image's jobs once more; the first run has number 0. If before is not nil, the time that its servers took to get ready
// bounds the wait.
func (k *checker) repeat(ctx context.Context, root llb.State, config *imageConfig, confine *analyzer.Confinement, name string,
	number int, before *analyzer.Evidence) (*analyzer.Evidence, error) {
	jobs, err := k.jobs(config, k.in.digest)
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		job.Again, job.Confine, job.ReadyWithin = number, confine, readyWithin(before, job.Name)
	}
	switch {
	case number == 1:
		name += " again"
	case number > 1:
		name += fmt.Sprintf(" again %d", number)
	}
	seen, err := k.runJobs(ctx, k.client, root, jobs, name)
	if err != nil {
		return nil, err
	}
	return seen.evidence, nil
}
