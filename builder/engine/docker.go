package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/moby/buildkit/client"
	mobyclient "github.com/moby/moby/client"
)

// ErrNoDocker is returned by Docker when no engine answers.
var ErrNoDocker = errors.New("no Docker engine answers")

// tooOldError is returned for a Docker engine whose BuildKit lacks a feature that slim needs.
type tooOldError struct{ version string }

func (e *tooOldError) Error() string {
	return fmt.Sprintf("the BuildKit of Docker %s is too old or does not answer", e.version)
}

// pingTime limits the wait for the first answer of a Docker engine, so that a dead socket does not delay a build for longer.
const pingTime = 2 * time.Second

// Docker connects to the Docker engine of DOCKER_HOST, or of this machine, to use its image store. It returns ErrNoDocker if no
// engine answers.
func Docker(ctx context.Context) (*mobyclient.Client, error) {
	c, err := mobyclient.New(mobyclient.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDocker, err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if _, err := c.Ping(ctx, mobyclient.PingOptions{NegotiateAPIVersion: true}); err != nil {
		c.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoDocker, err)
	}
	return c, nil
}

// containerdLabel is set on the worker of an engine that keeps images in containerd (moby's builder-next worker).
const containerdLabel = "org.mobyproject.buildkit.worker.snapshotter"

// dockerEngine connects to the engine's own BuildKit. Steps that may end with any exit code came with BuildKit 0.13, which Docker 26
// carries; older engines are refused with a tooOldError.
func dockerEngine(ctx context.Context, opt Options) (*Engine, error) {
	docker, err := Docker(ctx)
	if err != nil {
		return nil, err
	}
	version, err := docker.ServerVersion(ctx, mobyclient.ServerVersionOptions{})
	if err != nil {
		docker.Close()
		return nil, fmt.Errorf("asking Docker for its version: %w", err)
	}
	for _, transport := range [][]client.ClientOpt{hijacked(docker), direct(docker)} {
		c, err := client.New(ctx, "", transport...)
		if err != nil {
			docker.Close()
			return nil, fmt.Errorf("connecting to Docker's BuildKit: %w", err)
		}
		e := &Engine{Client: c, Kind: KindDocker, Name: "BuildKit of Docker " + version.Version, Docker: docker, Network: true,
			close: docker.Close}
		if e.probeDocker(ctx) == nil {
			return e, nil
		}
		c.Close()
	}
	docker.Close()
	return nil, &tooOldError{version.Version}
}

// hijacked connects through the engine's API by HTTP connection hijacking, which every engine with BuildKit supports.
func hijacked(docker *mobyclient.Client) []client.ClientOpt {
	return []client.ClientOpt{
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return docker.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return docker.DialHijack(ctx, "/session", proto, meta)
		}),
	}
}

// direct connects with gRPC on the engine's own socket, which newer engines support and which is to replace hijacking.
func direct(docker *mobyclient.Client) []client.ClientOpt {
	dial := docker.Dialer()
	return []client.ClientOpt{client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return dial(ctx)
	})}
}

func (e *Engine) probeDocker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	workers, err := e.Client.ListWorkers(ctx)
	if err != nil {
		return err
	}
	if len(workers) == 0 || workers[0].BuildkitVersion.Version == "" {
		return errors.New("it does not report its version") // BuildKit reports it since 0.11
	}
	e.Platforms = workers[0].Platforms
	_, e.OCILayout = workers[0].Labels[containerdLabel]
	if !e.OCILayout {
		return errors.New("its image store is not containerd's, so it cannot read OCI layouts")
	}
	return nil
}
