package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// LockSchema names the version of Lock.
const LockSchema = "slim/lock/v1"

// Lock says what an image was made of, so that it can be made again without running the application, and whether anything moved
// since. It has no clock: the same build writes the same lock.
type Lock struct {
	Schema   string        `json:"schema"`
	Input    LockedInput   `json:"input"`
	Options  LockedOptions `json:"options"`
	Evidence LockedFile    `json:"evidence"`
	Check    LockedCheck   `json:"check"`
	Plan     string        `json:"plan"` // digest of the plan
	Engine   LockedEngine  `json:"engine"`
	Manifest string        `json:"manifest"` // digest of the slim platform manifest, with Options.Compression

	seen *analyzer.Evidence
}

// LockedInput is what was slimmed.
type LockedInput struct {
	Kind      string       `json:"kind"`      // InputImage or InputDockerfile
	Reference string       `json:"reference"` // as given; the path of a Dockerfile
	Digest    string       `json:"digest"`    // of the platform manifest; of what a Dockerfile is built from, its recipe
	Platform  string       `json:"platform"`
	Bases     []LockedBase `json:"bases,omitempty"` // images that a Dockerfile is built from, sorted
}

// Kinds of locked inputs.
const (
	InputImage      = "image"
	InputDockerfile = "dockerfile"
)

// LockedBase is an image that a Dockerfile is built from.
type LockedBase struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// LockedFile is a file beside the lock.
type LockedFile struct {
	File   string `json:"file"`   // name in the lock's directory
	Digest string `json:"digest"` // of its content, before compression
}

// LockedCheck is how the image did when it was checked, and what the check added to it.
type LockedCheck struct {
	Checked  int             `json:"checked"` // answers compared; 0 where it was not checked
	Confined bool            `json:"confined"`
	AnyUser  bool            `json:"anyUser"`
	Repair   [][]layers.Path `json:"repair,omitempty"`   // paths that it missed, by round
	Writable []layers.Path   `json:"writable,omitempty"` // directories that its user must write in
	Syscalls []string        `json:"syscalls,omitempty"` // that its profile was given, sorted
	// NeedsRoot is why it runs as root although nobody asked for that.
	NeedsRoot string `json:"needsRoot,omitempty"`
}

// LockedEngine is what made the image; other versions may make it otherwise.
type LockedEngine struct {
	Slim     string `json:"slim"`
	BuildKit string `json:"buildkit"`
}

func (e LockedEngine) String() string {
	return fmt.Sprintf("slim %s on BuildKit %s", e.Slim, e.BuildKit)
}

// LockError says that a lock cannot be replayed, or made. Exit code 1.
type LockError struct {
	Reason string
	Hint   string // the next step
}

func (e *LockError) Error() string { return e.Reason }

// again is the next step where the lock is of something else than what is built now.
const again = "to take it as it is now: slim build --lock, which runs and checks the image again"

// made is what a build ended with.
type made struct {
	src    source
	slim   *slimmed
	repair [][]layers.Path
	extra  *hardening
}

// repairs are what an earlier check added, nothing without a lock.
func (l *Lock) repairs() ([][]layers.Path, *hardening) {
	if l == nil {
		return nil, &hardening{}
	}
	return l.Check.Repair, &hardening{syscalls: l.Check.Syscalls, writable: l.Check.Writable, needsRoot: l.Check.NeedsRoot}
}

// lock is the lock of a finished build.
func (b *build) lock(ctx context.Context, result *Result) (_ *Lock, err error) {
	if v := result.Verdict; v != nil && !v.OK || len(failuresOf(result.Evidence)) > 0 {
		return nil, &LockError{Reason: "an image that failed its run or its check is not locked", Hint: "build it without --keep-going"}
	}
	done := b.step("lock")
	defer func() { done(err) }()
	l := &Lock{Schema: LockSchema, Options: OptionsOf(b.opt), Plan: planDigest(result.Plan), Engine: b.engineVersion(ctx), seen: bare(result.Evidence)}
	l.Check = LockedCheck{Repair: b.made.repair, Writable: b.made.extra.writable, NeedsRoot: b.made.extra.needsRoot, Syscalls: slices.Compact(slices.Sorted(slices.Values(b.made.extra.syscalls)))}
	if v := result.Verdict; v != nil {
		l.Check.Checked, l.Check.Confined, l.Check.AnyUser = v.Checked, v.Confined, v.AnyUser
	}
	b.opt.Status, b.opt.CacheTo = nil, nil // both were for the build
	response, err := b.run(ctx, b.unnamed(), func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if l.Input, err = b.inputOf(ctx, b.made.src); err != nil {
			return nil, err
		}
		return b.plain(ctx, c, true)
	})
	if err != nil {
		return nil, fmt.Errorf("making the lock: %w", err)
	}
	l.Manifest, err = manifestOf(response)
	return l, err
}

// inputOf describes the input.
func (b *build) inputOf(ctx context.Context, src source) (LockedInput, error) {
	in := LockedInput{Kind: InputImage, Reference: b.inputName(), Digest: src.digest, Platform: b.platformString()}
	if b.opt.Dockerfile == nil {
		return in, nil
	}
	var err error
	in.Kind = InputDockerfile
	in.Digest, in.Bases, err = b.recipe(ctx, src)
	return in, err
}

// bare is evidence without what the answers said: a lock needs none of it, and it may be large and different every time.
func bare(e *analyzer.Evidence) *analyzer.Evidence {
	slim := *e
	slim.Runs = slices.Clone(e.Runs)
	for i, run := range slim.Runs {
		answers := slices.Clone(run.Answers)
		for j := range answers {
			answers[j].Body, answers[j].Stderr = nil, nil
		}
		slim.Runs[i].Answers = answers
	}
	return &slim
}

func planDigest(plan *analyzer.Plan) string { return digestOf(plan) }

// digestOf is the digest of a value's JSON. The values are plain data, whose encoding cannot fail.
func digestOf(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		data = []byte(err.Error())
	}
	return digest.FromBytes(data).String()
}

// engineVersion is what makes the image.
func (b *build) engineVersion(ctx context.Context) LockedEngine {
	e := LockedEngine{Slim: "devel", BuildKit: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		e.Slim = strings.Trim(info.Main.Version, "()")
	}
	if workers, err := b.opt.Engine.Client.ListWorkers(ctx); err == nil && len(workers) > 0 && workers[0].BuildkitVersion.Version != "" {
		e.BuildKit = workers[0].BuildkitVersion.Version
	}
	return e
}

var errNoDigest = errors.New("this BuildKit does not tell the digest of an image: pass --engine embedded, or a buildkitd's address")
