package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker/cli/cli/config"
	clicontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	mobyclient "github.com/moby/moby/client"
)

// dockerOptions configure a client for the engine that the docker command would use: DOCKER_HOST, else the context of DOCKER_CONTEXT or of
// the command's configuration in dir (docker context use), else the first socket that there is. Docker Desktop makes a context of its own.
func dockerOptions(dir string) ([]mobyclient.Opt, error) {
	if host := os.Getenv(mobyclient.EnvOverrideHost); host != "" {
		if strings.HasPrefix(host, "ssh://") {
			return (&clicontext.Endpoint{EndpointMeta: clicontext.EndpointMeta{Host: host}}).ClientOpts()
		}
		return []mobyclient.Opt{mobyclient.FromEnv}, nil
	}
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		if file, err := config.Load(dir); err == nil { // the docker command, too, goes on without a configuration
			name = file.CurrentContext
		}
	}
	if name != "" && name != "default" {
		options, err := contextOptions(dir, name)
		if err != nil {
			return nil, fmt.Errorf("the context %q of the docker command: %w", name, err)
		}
		return options, nil
	}
	home, _ := os.UserHomeDir()
	for _, socket := range sockets(runtime.GOOS, home, os.Getenv("XDG_RUNTIME_DIR")) {
		if _, err := os.Stat(socket); err == nil {
			return []mobyclient.Opt{mobyclient.FromEnv, mobyclient.WithHost("unix://" + socket)}, nil
		}
	}
	return []mobyclient.Opt{mobyclient.FromEnv}, nil
}

// Architecture is that of a Docker engine's machine, which need not be the client's. It is this machine's if the engine does not say.
func Architecture(ctx context.Context, docker *mobyclient.Client) string {
	version, err := docker.ServerVersion(ctx, mobyclient.ServerVersionOptions{})
	if err != nil || version.Arch == "" {
		return runtime.GOARCH
	}
	return version.Arch
}

// contextOptions configure a client for a context: its address, which may be ssh:// or npipe://, and its certificates.
func contextOptions(dir, name string) ([]mobyclient.Opt, error) {
	contexts := store.New(filepath.Join(dir, "contexts"), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(clicontext.DockerEndpoint, func() any { return &clicontext.EndpointMeta{} })))
	found, err := contexts.GetMetadata(name)
	if err != nil {
		return nil, err
	}
	meta, err := clicontext.EndpointFromContext(found)
	if err != nil {
		return nil, err
	}
	endpoint, err := clicontext.WithTLSData(contexts, name, meta)
	if err != nil {
		return nil, err
	}
	return endpoint.ClientOpts()
}

// sockets are the sockets of engines on a system: that of the system first, then Docker Desktop's (docs.docker.com/desktop) and that of an
// engine without root (docs.docker.com/engine/security/rootless). On Windows the engine has a named pipe, the default of the client.
func sockets(system, home, runtimeDir string) []string {
	list := []string{"/var/run/docker.sock"}
	switch {
	case system == "windows":
		return nil
	case system == "darwin" && home != "":
		return append(list, home+"/.docker/run/docker.sock")
	case system == "linux" && home != "":
		list = append(list, home+"/.docker/desktop/docker.sock")
	}
	if runtimeDir != "" {
		list = append(list, runtimeDir+"/docker.sock")
	}
	return list
}
