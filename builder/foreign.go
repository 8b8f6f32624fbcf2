package builder

import (
	"context"
	"errors"
	"regexp"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"
)

// maxAttempts is how often a build begins when a step of another one fails it each time.
const maxAttempts = 3

// foreignError says that a step of another build failed. BuildKit makes one step of two that do the same (solver, mergeTo). When the build
// that it took the step from ends, the step may lose its inputs, its files or its result, and fails for the build that remains.
type foreignError struct{ error }

func (e *foreignError) Unwrap() error { return e.error }

// lostStep matches the errors of BuildKit for a step whose inputs went away with the build that they belonged to (solver, CalcSlowCache and
// NewInputRequest).
var lostStep = regexp.MustCompile(`failed to get state for index \d+ on |inconsistent graph state in edge `)

// foreign makes an error of BuildKit a foreignError if a step failed that is not in the graph which was asked for. A graph that the client
// does not have, as that of a Dockerfile, is nil.
func foreign(err error, graph *llb.Definition) error {
	if err == nil {
		return nil
	}
	if lostStep.MatchString(err.Error()) {
		return &foreignError{err}
	}
	vertex := new(errdefs.VertexError)
	if graph == nil || !errors.As(err, &vertex) {
		return err
	}
	for _, op := range graph.Def {
		if digest.FromBytes(op).String() == vertex.Digest {
			return err
		}
	}
	return &foreignError{err}
}

// repeated calls do, and again where a step of another build failed. What is done already is in BuildKit's cache.
func repeated(ctx context.Context, do func() error) (err error) {
	for range maxAttempts {
		if err = do(); !isForeign(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// isForeign reports whether an error is that of another build's step.
func isForeign(err error) bool {
	other := new(foreignError)
	return errors.As(err, &other)
}
