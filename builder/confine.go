package builder

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/layers"
)

// anyUser is who a slim image runs as to see whether it works under a user that it does not know, in group 0: OpenShift starts containers so
// (its guidelines for creating images: support arbitrary user ids). It lies in the range that a rootless BuildKit has.
const anyUser = "61234:0"

// hardening is what a slim image's profile says beyond the evidence: what its own checks showed that it needs.
type hardening struct {
	syscalls []string      // seen when it ran as its own user
	writable []layers.Path // directories that a check found read-only
	// needsRoot is why its user is root: a difference that there was under another. "" where it is not.
	needsRoot string
}

// unknown lists those directories that are not among the writable ones yet.
func (h *hardening) unknown(dirs []layers.Path) []layers.Path {
	return slices.DeleteFunc(dirs, func(dir layers.Path) bool { return slices.Contains(h.writable, dir) })
}

// model is the profile of the slim image.
func (b *build) model(src source, seen *analyzer.Evidence, plan *analyzer.Plan, extra *hardening) profile.Model {
	all := *seen
	all.Syscalls = slices.Concat(seen.Syscalls, extra.syscalls)
	all.Paths = slices.Clone(seen.Paths)
	for _, dir := range extra.writable {
		all.Paths = append(all.Paths, analyzer.PathUse{Path: dir, Ops: []analyzer.Op{analyzer.OpWrite}})
	}
	entry, err := src.config.entry(nil)
	if err != nil {
		entry = analyzer.Entry{} // an image without a command, run with --run alone
	}
	config := profile.Config{Exposed: entry.Exposed, Volumes: entry.Volumes, Shell: entry.Shell}
	if entry.Healthcheck != nil {
		config.Healthcheck = entry.Healthcheck.Test
	}
	name := ""
	if len(b.opt.Export.Names) > 0 {
		name = b.opt.Export.Names[0]
	}
	return profile.From(&all, plan, name).WithConfig(config)
}

// confinement is a profile as the agent and the step carry it out.
func confinement(model profile.Model, filtered bool) (*analyzer.Confinement, error) {
	c := &analyzer.Confinement{}
	for _, w := range model.Writable {
		if w.Populated {
			c.Volumes = append(c.Volumes, w.Path)
		} else {
			c.Writable = append(c.Writable, w.Path)
		}
	}
	if !filtered {
		return c, nil
	}
	filter, err := profile.Seccomp(model)
	c.Seccomp = filter
	return c, err
}

// confinedMounts are the parts of a profile that the step carries out: a read-only root filesystem, an empty file system in memory for each
// writable directory, and a copy of what the image has where that is not empty.
func confinedMounts(root llb.State, c *analyzer.Confinement) []llb.RunOption {
	opts := []llb.RunOption{llb.ReadonlyRootFS()}
	for _, dir := range c.Writable {
		opts = append(opts, llb.AddMount("/"+string(dir), llb.Scratch(), llb.Tmpfs()))
	}
	for _, dir := range c.Volumes {
		opts = append(opts, llb.AddMount("/"+string(dir), root, llb.SourcePath("/"+string(dir))))
	}
	return opts
}

// checker compares a slim image with its original.
type checker struct {
	*build
	client gateway.Client
	src    source
	seen   *analyzer.Evidence // of the original
	again  *analyzer.Evidence // of the original once more, nil until a difference asks for it
	slim   *slimmed
	extra  *hardening
	result *Result
}

// run is the check: the slim image under its whole profile, then as a user that it does not know. Where only the filter of system calls is in
// the way, what was seen without it is added to the profile and the check made again.
func (k *checker) run(ctx context.Context) (*analyzer.Verdict, error) {
	v, _, err := k.under(ctx, "check", true, "")
	if err != nil {
		return nil, err
	}
	if !v.OK {
		open, found, err := k.under(ctx, "check without the seccomp filter", false, "")
		if err != nil {
			return nil, err
		}
		if !open.OK || !k.learn(found) {
			return open, nil
		}
		if v, _, err = k.under(ctx, "check with more system calls", true, ""); err != nil || !v.OK {
			return v, err
		}
	}
	v.Confined = true
	stranger, _, err := k.under(ctx, "check as any user", true, anyUser)
	if err != nil {
		return nil, err
	}
	if v.AnyUser = stranger.OK; !stranger.OK && len(stranger.Differences) > 0 {
		v.AnyUserWhy = stranger.Differences[0].String()
	}
	return v, nil
}

// unconfined is the last resort for an image that does not run under its profile: as any container runs.
func (k *checker) unconfined(ctx context.Context, why *analyzer.Verdict) (*analyzer.Verdict, error) {
	v, err := k.tries(ctx, "check without a profile", k.slim.parsed, nil)
	if err != nil || !v.OK {
		return v, err
	}
	if len(why.Differences) > 0 {
		v.Unconfined = why.Differences[0].String()
	}
	return v, nil
}

// learn adds the system calls of a run to the profile and says whether they were new to it.
func (k *checker) learn(found *analyzer.Evidence) bool {
	allowed := profile.Allowed(k.model(k.src, k.seen, k.result.Plan, k.extra))
	fresh := false
	for _, name := range found.Syscalls {
		fresh = fresh || !slices.Contains(allowed, name)
	}
	k.extra.syscalls = append(k.extra.syscalls, found.Syscalls...)
	return fresh
}

// under runs the probes under the profile, as the given user ("" is the image's own).
func (k *checker) under(ctx context.Context, title string, filtered bool, user string) (*analyzer.Verdict, *analyzer.Evidence, error) {
	model := k.model(k.src, k.seen, k.result.Plan, k.extra)
	k.result.Profile = &model
	confine, err := confinement(model, filtered)
	if err != nil {
		return nil, nil, fmt.Errorf("making the profile: %w", err)
	}
	config := k.slim.parsed
	if user != "" {
		other := *config
		other.Config.User = user
		config = &other
	}
	v, err := k.tries(ctx, title, config, confine)
	return v, k.result.Check, err
}
