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

// envSecret is BuildKit's name of the environment of --env. It is passed as a secret: the files of a step are in the provenance, and the
// environment of an application often contains a password.
const envSecret = "slim-env"

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
