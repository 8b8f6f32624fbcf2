package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/session/secrets"

	"github.com/slimimage/slim/analyzer"
)

// envSecret is BuildKit's name of the environment of --env. It is passed as a secret: the files of a step are in the provenance, and the
// environment of an application often contains a password. The name is a part of BuildKit's cache key, and so the same in every build; any
// step of a Dockerfile can ask for it. Therefore it is served only while a run is at work (envGate), and sealed (analyzer.SealEnv).
const envSecret = "slim-env"

// envGate counts the runs at work. No step of a Dockerfile runs at the same time: the input is complete before the first run.
type envGate struct{ runs atomic.Int32 }

// open lets the environment be served until the returned function is called.
func (g *envGate) open() func() {
	g.runs.Add(1)
	return func() { g.runs.Add(-1) }
}

// withEnv adds the environment of --env to a job, or to the step as a secret. A frontend has no session for secrets; its build
// arguments are in the build's record anyway.
func (b *build) withEnv(job *analyzer.Job) (*analyzer.Job, []llb.RunOption) {
	env := b.opt.Observe.Env
	if len(env) == 0 {
		return job, nil
	}
	own := *job
	if b.request != nil {
		own.Process.Env = analyzer.WithEnv(job.Process.Env, env...)
		return &own, nil
	}
	own.EnvDigest = envDigest(env)
	return &own, []llb.RunOption{llb.AddSecret(analyzer.EnvFile, llb.SecretID(envSecret))}
}

// envDigest distinguishes environments; "" stands for no environment. BuildKit's cache ignores secrets, but another environment must
// cause another run. It is short, so that it does not confirm a guessed value.
func envDigest(env []string) string {
	if len(env) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(env, "\x00")))
	return hex.EncodeToString(sum[:4])
}

// secretStore provides the secrets of the Dockerfile and of slim.
type secretStore struct {
	env   []string
	runID string
	gate  *envGate
	users secrets.SecretStore // nil without any
}

// GetSecret implements secrets.SecretStore.
func (s secretStore) GetSecret(ctx context.Context, id string) ([]byte, error) {
	if id == envSecret && s.gate.runs.Load() > 0 {
		return analyzer.SealEnv(s.env, s.runID)
	}
	if s.users == nil {
		return nil, fmt.Errorf("secret %s: %w", id, secrets.ErrNotFound)
	}
	return s.users.GetSecret(ctx, id)
}
