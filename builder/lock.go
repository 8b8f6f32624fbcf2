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
)

// LockSchema names the version of Lock.
const LockSchema = "slim/lock/v1"

// Lock records what an image was made of, to rebuild it without running the application and to detect changes of its input. It
// contains no time: the same build writes the same lock.
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

// LockedCheck is the result of the check of the image, and its findings.
type LockedCheck struct {
	Checked  int  `json:"checked"` // answers and connections compared; 0 if it was not checked
	Confined bool `json:"confined"`
	AnyUser  bool `json:"anyUser"`
	analyzer.Findings
}

// LockedEngine is what made the image; other versions may make another image.
type LockedEngine struct {
	Slim     string `json:"slim"`
	BuildKit string `json:"buildkit"`
}

func (e LockedEngine) String() string {
	return fmt.Sprintf("slim %s on BuildKit %s", e.Slim, e.BuildKit)
}

// LockError is the reason why a lock cannot be replayed, or made. Exit code 1.
type LockError struct {
	Reason string
	Hint   string // the next step
}

func (e *LockError) Error() string { return e.Reason }

// lockAgain is the next step if the lock does not match what is built.
const lockAgain = "to lock the input as it is now: slim build --lock, which runs and checks the image again"

// findings are those of the check when the lock was written, none without a lock.
func (l *Lock) findings() analyzer.Findings {
	if l == nil {
		return analyzer.Findings{}
	}
	return l.Check.Findings
}

// lock makes the lock of a finished build.
func (b *build) lock(ctx context.Context, out *outcome) (_ *Lock, err error) {
	if v := out.verdict; v != nil && !v.OK || len(failuresOf(out.seen.evidence)) > 0 {
		return nil, &LockError{Reason: "an image that failed its run or its check is not locked", Hint: "build it without --keep-going"}
	}
	done := b.step("lock")
	defer func() { done(err) }()
	l := &Lock{Schema: LockSchema, Options: OptionsOf(b.opt), Plan: planDigest(out.plan.Plan), Engine: b.engineVersion(ctx),
		seen: withoutAnswers(out.seen.evidence)}
	l.Check.Findings = out.findings
	l.Check.Syscalls = slices.Compact(slices.Sorted(slices.Values(out.findings.Syscalls)))
	if v := out.verdict; v != nil {
		l.Check.Checked, l.Check.Confined, l.Check.AnyUser = v.Checked+v.Connected, v.Confined, v.AnyUser
	}
	b.opt.Status, b.opt.CacheTo = nil, nil // both were for the build
	response, err := b.run(ctx, b.unnamed(), func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if l.Input, err = b.inputOf(ctx, out.in); err != nil {
			return nil, err
		}
		if out.image.ref, err = b.solve(ctx, c, out.image.state); err != nil { // the reference ended with the build
			return nil, err
		}
		return out.image.result(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("making the lock: %w", err)
	}
	l.Manifest, err = manifestOf(response)
	return l, err
}

// inputOf describes the input.
func (b *build) inputOf(ctx context.Context, in input) (LockedInput, error) {
	locked := LockedInput{Kind: InputImage, Reference: b.inputName(), Digest: in.digest, Platform: b.platformString()}
	if b.opt.Dockerfile == nil {
		return locked, nil
	}
	var err error
	locked.Kind = InputDockerfile
	locked.Digest, locked.Bases, err = b.recipe(ctx, in)
	return locked, err
}

// withoutAnswers returns evidence without the content of answers: a lock does not need it, and it may be large and differ in each run.
func withoutAnswers(e *analyzer.Evidence) *analyzer.Evidence {
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

// engineVersion returns the versions that make the image.
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

var errNoDigest = errors.New("this BuildKit does not report the digest of an image: pass --engine embedded, or a buildkitd's address")
