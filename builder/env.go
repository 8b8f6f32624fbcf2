package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/session/secrets"

	"github.com/slimimage/slim/analyzer"
)

// envSecret is BuildKit's name of the environment that --env gives. It goes as a secret: a step's files stand in the provenance, and what an
// application is started with is often a password.
const envSecret = "slim-env"

// withEnv gives a job the environment of --env, and the step the secret with it. A frontend has no session of its own to ask: what a build
// argument says is in the build's record anyway.
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

// envDigest tells one environment from another, "" stands for none. It is short, so that a value cannot be found by trying: BuildKit's cache
// leaves secrets out of account, and another environment is another run.
func envDigest(env []string) string {
	if len(env) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(env, "\x00")))
	return hex.EncodeToString(sum[:4])
}

// secretStore has the Dockerfile's secrets and slim's own.
type secretStore struct {
	env   []string
	users secrets.SecretStore // nil without any
}

// GetSecret implements secrets.SecretStore.
func (s secretStore) GetSecret(ctx context.Context, id string) ([]byte, error) {
	if id == envSecret {
		return []byte(strings.Join(s.env, "\x00")), nil
	}
	if s.users == nil {
		return nil, fmt.Errorf("secret %s: %w", id, secrets.ErrNotFound)
	}
	return s.users.GetSecret(ctx, id)
}
