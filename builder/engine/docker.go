package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	mobyclient "github.com/moby/moby/client"
)

// ErrNoDocker is returned by Docker when no engine answers.
var ErrNoDocker = errors.New("no Docker engine answers")

// unfitError is returned for a Docker engine whose BuildKit lacks something that the build needs, and for podman, which has none.
type unfitError struct {
	version, reason string
	podman          bool
}

func (e *unfitError) Error() string {
	if e.podman {
		return fmt.Sprintf("podman %s has no BuildKit", e.version)
	}
	return fmt.Sprintf("the BuildKit of Docker %s %s", e.version, e.reason)
}

// Hint is the next step.
func (e *unfitError) Hint() string {
	return "pass --engine embedded (it needs runc, and root or newuidmap), or the address of a buildkitd"
}

// pingTime limits the wait for the first answer of a Docker engine, so that a dead socket does not delay a build for longer.
const pingTime = 2 * time.Second

// Docker connects to the Docker engine that the docker command uses (dockerOptions), to use its image store. It returns ErrNoDocker if no
// engine answers, and with the reason in words if there should be one.
func Docker(ctx context.Context) (*mobyclient.Client, error) {
	options, err := dockerOptions(config.Dir())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDocker, err)
	}
	c, err := mobyclient.New(options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoDocker, err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if _, err := c.Ping(ctx, mobyclient.PingOptions{NegotiateAPIVersion: true}); err != nil {
		defer c.Close()
		return nil, &SilentDockerError{Host: c.DaemonHost(), Cause: silence(c.DaemonHost(), err)}
	}
	return c, nil
}

// SilentDockerError is the ErrNoDocker of an engine that was asked and does not answer.
type SilentDockerError struct {
	Host  string // its address
	Cause string // one clause
}

func (e *SilentDockerError) Error() string {
	return fmt.Sprintf("%v at %s: %s", ErrNoDocker, e.Host, e.Cause)
}

// Is makes the error an ErrNoDocker.
func (e *SilentDockerError) Is(target error) bool { return target == ErrNoDocker }

// Expected reports whether there should be an engine: the user named one, or its socket exists.
func (e *SilentDockerError) Expected() bool {
	if os.Getenv("DOCKER_HOST") != "" {
		return true
	}
	_, err := os.Stat(strings.TrimPrefix(e.Host, "unix://"))
	return err == nil
}

// Hint is the next step.
func (e *SilentDockerError) Hint() string {
	if e.Cause == noPermission {
		return "add your user to the group docker (usermod -aG docker USER) and log in again"
	}
	if _, err := exec.LookPath("podman"); err == nil {
		return "podman has no BuildKit: leave out --engine, and slim uses its own with podman's images"
	}
	return "start Docker (systemctl start docker), or set DOCKER_HOST"
}

const noPermission = "this user may not use its socket"

// silence is the reason why an engine does not answer.
func silence(host string, err error) string {
	if name, ok := strings.CutPrefix(host, "unix://"); ok {
		conn, err := net.DialTimeout("unix", name, pingTime)
		switch {
		case errors.Is(err, fs.ErrPermission):
			return noPermission
		case errors.Is(err, fs.ErrNotExist):
			return "there is no such socket"
		case err != nil:
			return "nothing listens on its socket"
		}
		conn.Close()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", pingTime)
	}
	return causeOf(err).Error()
}

// containerdLabel is set on the worker of an engine that keeps images in containerd (moby's builder-next worker). Only such an engine
// has the source and the exporters of OCI images; the capabilities of both kinds are the same.
const containerdLabel = "org.mobyproject.buildkit.worker.snapshotter"

// needed are the capabilities that the steps of a build use. The youngest, exec.validexitcode, came with BuildKit 0.17.
var needed = []apicaps.CapID{pb.CapExecValidExitCode, pb.CapExecMountContentCache, pb.CapExecMountTmpfsSize, pb.CapExecSecretEnv,
	pb.CapSourceLocalFollowPaths, pb.CapSourceLocalSharedKeyHint}

// lacking are the needed capabilities that an engine does not have.
func lacking(opts *gateway.BuildOpts) []string {
	var names []string
	for _, id := range needed {
		if opts.LLBCaps.Supports(id) != nil {
			names = append(names, string(id))
		}
	}
	for _, id := range []apicaps.CapID{gatewaypb.CapReadFile, gatewaypb.CapStatFile} {
		if opts.Caps.Supports(id) != nil {
			names = append(names, string(id))
		}
	}
	return names
}

// InDocker connects to the Docker engine's own BuildKit if Connect would use that. It returns nil if it would not; if a Docker engine
// is there and unfit, it says so and changes opt to the embedded engine.
func InDocker(ctx context.Context, opt *Options) (*Engine, error) {
	setLog(opt.Log)
	switch {
	case opt.Podman && opt.Spec == KindDocker:
		return nil, errors.New("images of podman cannot be built in the BuildKit of Docker: leave out --engine docker")
	case opt.Spec == KindDocker:
		return dockerEngine(ctx, *opt)
	}
	if opt.Spec != "" && opt.Spec != "auto" || os.Getenv("BUILDKIT_HOST") != "" {
		return nil, nil
	}
	defer func() { opt.Spec = KindEmbedded }()
	if opt.Podman {
		return nil, nil
	}
	e, err := dockerEngine(ctx, *opt)
	if err == nil {
		return e, nil
	}
	if errNoEmbedded != nil {
		return nil, fmt.Errorf("%w; %w", err, errNoEmbedded)
	}
	var unfit *unfitError
	if errors.As(err, &unfit) && !unfit.podman {
		opt.notice("%v: using the embedded BuildKit, which copies images out of Docker and into it", unfit)
	}
	return nil, ctx.Err()
}

// dockerEngine connects to the engine's own BuildKit. One that lacks a capability is refused with an unfitError.
func dockerEngine(ctx context.Context, opt Options) (*Engine, error) {
	docker, err := Docker(ctx)
	if err != nil {
		return nil, err
	}
	e, err := fitEngine(ctx, docker, opt)
	if err != nil {
		docker.Close()
	}
	return e, err
}

func fitEngine(ctx context.Context, docker *mobyclient.Client, opt Options) (*Engine, error) {
	version, err := docker.ServerVersion(ctx, mobyclient.ServerVersionOptions{})
	if err != nil {
		return nil, fmt.Errorf("asking Docker for its version: %w", err)
	}
	if isPodman(version) {
		return nil, &unfitError{version: version.Version, podman: true}
	}
	reason := "does not answer"
	for _, transport := range [][]client.ClientOpt{hijacked(docker), direct(docker)} {
		c, err := client.New(ctx, "", transport...)
		if err != nil {
			return nil, fmt.Errorf("connecting to Docker's BuildKit: %w", err)
		}
		e := &Engine{Client: c, Kind: KindDocker, Name: "BuildKit of Docker " + version.Version, Docker: docker, Network: true,
			close: docker.Close}
		if e.greet(ctx) == nil {
			if reason = e.unfit(ctx, opt); reason == "" {
				return e, nil
			}
			c.Close()
			break
		}
		c.Close()
	}
	return nil, &unfitError{version: version.Version, reason: reason}
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

// greet asks for the first answer, and records the platforms and the kind of the image store.
func (e *Engine) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	workers, err := e.Client.ListWorkers(ctx)
	if err != nil {
		return err
	}
	if len(workers) == 0 {
		return errors.New("it has no worker")
	}
	e.Platforms = workers[0].Platforms
	_, e.OCILayout = workers[0].Labels[containerdLabel]
	return nil
}

// unfit is the reason why BuildKit cannot run the build, "" if it can.
func (e *Engine) unfit(ctx context.Context, opt Options) string {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	opts, err := e.capabilities(ctx)
	if err != nil {
		return "does not answer a build: " + causeOf(err).Error()
	}
	if names := lacking(opts); len(names) > 0 {
		return "is too old: it lacks " + strings.Join(names, ", ")
	}
	if opt.OCI && !e.OCILayout {
		return "has the classic image store, which neither reads OCI layouts nor writes OCI images"
	}
	return ""
}

// capabilities asks for what BuildKit supports. Only a build can ask: this one has no step.
func (e *Engine) capabilities(ctx context.Context) (*gateway.BuildOpts, error) {
	var opts gateway.BuildOpts
	_, err := e.Client.Build(ctx, client.SolveOpt{Internal: true}, "slim", func(_ context.Context, c gateway.Client) (*gateway.Result, error) {
		opts = c.BuildOpts()
		return gateway.NewResult(), nil
	}, nil)
	return &opts, err
}
