package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/config"
	bkclient "github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/entitlements"

	"github.com/slimimage/slim/builder/agent"
	"github.com/slimimage/slim/builder/statedir"
	"github.com/slimimage/slim/layers/infile"
)

// run calls f as a gateway function of BuildKit, which exports the result of f.
func (b *build) run(ctx context.Context, export Export, f gateway.BuildFunc) (response *bkclient.SolveResponse, err error) {
	if b.opt.Status != nil {
		defer close(b.opt.Status)
	}
	err = repeated(ctx, func() (err error) {
		b.agentLog.forget()
		response, err = b.attempt(ctx, export, f)
		return err
	})
	return response, err
}

// attempt is run without repetition.
func (b *build) attempt(ctx context.Context, export Export, f gateway.BuildFunc) (*bkclient.SolveResponse, error) {
	opt, err := b.solveOpt(ctx, export)
	if err != nil {
		return nil, err
	}
	listener, listened := b.listen()
	defer func() { <-listened }()
	var own error // f's own error, with its type: over the wire it becomes a gRPC status
	exported := func(error) {}
	response, err := b.opt.Engine.Client.Build(ctx, opt, "slim", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := f(ctx, c)
		if own = err; err == nil && len(opt.Exports) > 0 {
			exported = b.step(StageExport, "export")
		}
		return res, err
	}, listener)
	exported(err)
	if own != nil {
		err = own
	}
	err = b.opt.Engine.Explain(err)
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	return response, err
}

// listen forwards BuildKit's progress to the caller's channel, if there is one, and keeps the agent's error messages. It ends with the
// channel that it returns.
func (b *build) listen() (ch chan *bkclient.SolveStatus, ended chan struct{}) {
	ch, ended = make(chan *bkclient.SolveStatus), make(chan struct{})
	go func() {
		defer close(ended)
		for status := range ch {
			b.deadlines.see(status)
			for _, log := range status.Logs {
				b.agentLog.add(log.Data)
			}
			if b.opt.Status != nil {
				b.opt.Status <- status
			}
		}
	}()
	return ch, ended
}

// agentLog keeps the agent's last error message, which explains a failed step better than the exit code of the step.
type agentLog struct {
	mu   sync.Mutex
	last string
}

// agentPrefix begins the agent's error messages.
const agentPrefix = "slim-sensor: "

// add reads output of a step.
func (s *agentLog) add(data []byte) {
	for line := range strings.Lines(string(data)) {
		if _, text, ok := strings.Cut(line, agentPrefix); ok {
			s.mu.Lock()
			s.last = strings.TrimSpace(text)
			s.mu.Unlock()
		}
	}
}

// forget drops the error message of a step that is repeated.
func (s *agentLog) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = ""
}

// wait returns the last error message, "" if none arrives. BuildKit sends output and errors separately: the output may be later.
func (s *agentLog) wait(ctx context.Context) string {
	for range 20 {
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if last != "" {
			return last
		}
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(25 * time.Millisecond):
		}
	}
	return ""
}

func (b *build) solveOpt(ctx context.Context, export Export) (bkclient.SolveOpt, error) {
	cache, err := statedir.Dir()
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	dir, err := agent.Dir(cache, b.steps.Architecture)
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	mounts, stores, err := b.mounts(dir)
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	attachables, err := b.attachables()
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	exports, err := b.exports(ctx, export)
	if err != nil {
		return bkclient.SolveOpt{}, err
	}
	b.ref = newRunID()
	opt := bkclient.SolveOpt{Ref: b.ref, LocalMounts: mounts, OCIStores: stores, Session: attachables, Exports: exports,
		CacheImports: b.opt.CacheFrom, CacheExports: b.opt.CacheTo, FrontendAttrs: map[string]string{}}
	if export.attested(b.opt.Engine) {
		opt.FrontendAttrs["attest:provenance"] = "mode=max,version=v1,builder-id=" + builderID
	}
	if df := b.opt.Dockerfile; b.opt.Observe.Network == "host" || b.opt.Update.Network == "host" ||
		df != nil && df.Network == "host" {
		opt.AllowedEntitlements = []string{entitlements.EntitlementNetworkHost.String()}
	}
	return opt, nil
}

// attachables are the services BuildKit may call in this client: registry credentials and the Dockerfile's secrets.
func (b *build) attachables() ([]session.Attachable, error) {
	dockerConfig := config.LoadDefaultConfigFile(io.Discard)
	list := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(dockerConfig)})}
	store := secretStore{env: b.opt.Observe.Env, runID: b.runID, gate: b.gate}
	if df := b.opt.Dockerfile; df != nil && len(df.Secrets) > 0 {
		sources := make([]secretsprovider.Source, 0, len(df.Secrets))
		for _, spec := range df.Secrets {
			source, err := parseSecret(spec)
			if err != nil {
				return nil, err
			}
			sources = append(sources, source)
		}
		users, err := secretsprovider.NewStore(sources)
		if err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
		store.users = users
	}
	return append(list, secretsprovider.NewSecretProvider(store)), nil
}

func parseSecret(spec string) (secretsprovider.Source, error) {
	source := secretsprovider.Source{}
	for _, field := range strings.Split(spec, ",") {
		key, value, ok := strings.Cut(field, "=")
		switch {
		case !ok:
			return source, fmt.Errorf("--secret %q: %q is not key=value", spec, field)
		case key == "id":
			source.ID = value
		case key == "src" || key == "source":
			source.FilePath = value
		case key == "env":
			source.Env = value
		case key == "type" && (value == "file" || value == "env"):
		default:
			return source, fmt.Errorf("--secret %q: unknown key %q (id, src, env, type)", spec, key)
		}
	}
	if source.ID == "" {
		return source, fmt.Errorf("--secret %q: it needs an id", spec)
	}
	if err := infile.Stays(source.FilePath); err != nil && source.FilePath != "" {
		return source, fmt.Errorf("--secret %q: %w", spec, err)
	}
	return source, nil
}

// stageError explains a failed step: by the agent's error message, if there is one, else by BuildKit's error.
func (b *build) stageError(ctx context.Context, doing string, err error) error {
	if isForeign(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if bad := corruptBlob(err); bad != nil {
		return bad
	}
	if b.request != nil {
		return fmt.Errorf("%s: %w", doing, err) // a frontend does not receive the agent's output; the client shows it
	}
	if text := b.agentLog.wait(ctx); text != "" {
		return fmt.Errorf("%s: %s", doing, text)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func epochAttr(epoch *int64) map[string]string {
	if epoch == nil {
		return nil
	}
	return map[string]string{"source-date-epoch": strconv.FormatInt(*epoch, 10)}
}
