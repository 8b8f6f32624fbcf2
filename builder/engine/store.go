package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	mobyclient "github.com/moby/moby/client"
)

// StoreVar is the environment variable that selects the image store: "docker" or "podman".
const StoreVar = "SLIM_STORE"

// podmanVar names podman's API, as podman-remote(1) reads it.
const podmanVar = "CONTAINER_HOST"

// podmanEngine is the name of podman in the answer of its Docker-compatible API to a request for the version.
const podmanEngine = "Podman Engine"

// Store connects to the engine whose images plain names may mean, and into which a result is loaded: the one of SLIM_STORE, else Docker,
// else podman if DOCKER_HOST is not set. It returns ErrNoDocker if there is none.
func Store(ctx context.Context) (*mobyclient.Client, error) {
	switch store := os.Getenv(StoreVar); store {
	case "podman":
		return Podman(ctx)
	case "", "docker":
		docker, err := Docker(ctx)
		if err == nil || store != "" || os.Getenv(mobyclient.EnvOverrideHost) != "" || !errors.Is(err, ErrNoDocker) {
			return docker, err
		}
		if podman, err := Podman(ctx); err == nil {
			return podman, nil
		}
		return nil, err
	default:
		return nil, fmt.Errorf("%s is %q: want docker or podman", StoreVar, store)
	}
}

// Podman connects to podman's Docker-compatible API: at CONTAINER_HOST, at its usual socket, or else of a service that it starts and
// CloseStores ends. It returns ErrNoDocker if podman is not installed.
func Podman(ctx context.Context) (*mobyclient.Client, error) {
	hosts := podmanHosts()
	if host := os.Getenv(podmanVar); host != "" {
		hosts = []string{host}
	}
	for _, host := range hosts {
		if c, err := podmanAt(ctx, host); err == nil || os.Getenv(podmanVar) != "" {
			return c, err
		}
	}
	host, err := service.start(ctx)
	if err != nil {
		return nil, err
	}
	return podmanAt(ctx, host)
}

// podmanHosts are the usual sockets of this user's podman (podman-system-service(1)).
func podmanHosts() []string {
	if os.Geteuid() == 0 {
		return []string{"unix:///run/podman/podman.sock"}
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = fmt.Sprintf("/run/user/%d", os.Getuid())
	}
	return []string{"unix://" + filepath.Join(dir, "podman", "podman.sock")}
}

func podmanAt(ctx context.Context, host string) (*mobyclient.Client, error) {
	c, err := mobyclient.New(mobyclient.WithHost(host))
	if err != nil {
		return nil, fmt.Errorf("podman at %s: %w", host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if _, err := c.Ping(ctx, mobyclient.PingOptions{NegotiateAPIVersion: true}); err != nil {
		c.Close()
		return nil, fmt.Errorf("podman at %s: %w", host, causeOf(err))
	}
	return c, nil
}

// IsPodman reports whether an engine is podman behind the API of Docker.
func IsPodman(ctx context.Context, c *mobyclient.Client) bool {
	version, err := c.ServerVersion(ctx, mobyclient.ServerVersionOptions{})
	return err == nil && isPodman(version)
}

func isPodman(version mobyclient.ServerVersionResult) bool {
	for _, component := range version.Components {
		if component.Name == podmanEngine {
			return true
		}
	}
	return false
}

// ShareStore makes this user's podman reachable for a process in a user namespace of its own, where it would be another user's. With need
// it is podman's store that is wanted, else the one that Store finds. A store that cannot be reached is no error here.
func ShareStore(ctx context.Context, need bool) {
	connect := Store
	if need {
		connect = Podman
	}
	c, err := connect(ctx)
	if err != nil {
		return
	}
	defer c.Close()
	if os.Getenv(mobyclient.EnvOverrideHost) == "" && IsPodman(ctx, c) {
		_ = os.Setenv(podmanVar, c.DaemonHost())
	}
}
