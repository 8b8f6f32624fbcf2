//go:build !frontend

package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/moby/buildkit/executor"
	resourcestypes "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/util/network/cniprovider"
	"github.com/moby/buildkit/util/network/netproviders"
)

// The bridge of the steps. Its addresses are those of no common default (Docker 172.17.0.0/16, BuildKit 10.10.0.0/16, Podman 10.88.0.0/16).
const (
	bridgeName   = "slim0"
	bridgeSubnet = "10.213.0.0/16"
)

// Where distributions install the plug-ins of the Container Network Interface: the project's own place, Debian, Fedora.
var pluginDirs = []string{"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"}

// stepNetwork is what the steps of the default network mode get: a network namespace on a bridge, made by the CNI plug-ins; nil without
// them. BuildKit's other choices are the network of this machine, or programs and settings that the user has to make.
func stepNetwork(root string) network.Provider {
	dir, found := plugins(pluginDirs)
	if !found || inUserns() { // the namespace of this machine's network is not ours
		return nil
	}
	return &lateNetwork{opt: netproviders.Opt{Mode: "bridge", CNI: cniprovider.Opt{Root: root, BinaryDir: dir, BridgeName: bridgeName,
		BridgeSubnet: bridgeSubnet}}}
}

// inUserns reports whether this process has a user namespace of its own (RunInUserns).
func inUserns() bool { return os.Getenv(usernsMarker) != "" }

// lateNetwork makes the bridge for the first step that needs it: most engines run none.
type lateNetwork struct {
	opt  netproviders.Opt
	mu   sync.Mutex
	made network.Provider
}

// New implements network.Provider.
func (l *lateNetwork) New(ctx context.Context, hostname string, opt network.NamespaceOptions) (network.Namespace, error) {
	l.mu.Lock()
	if l.made == nil {
		all, _, _, err := netproviders.Providers(l.opt)
		if err != nil {
			l.mu.Unlock()
			return nil, fmt.Errorf("making the network of the steps: %w", err)
		}
		l.made = all[pb.NetMode_UNSET]
	}
	l.mu.Unlock()
	return l.made.New(ctx, hostname, opt)
}

// Close implements network.Provider.
func (l *lateNetwork) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made == nil {
		return nil
	}
	return l.made.Close()
}

// plugins finds the plug-ins that BuildKit's bridge needs: in the search path under the names that come with BuildKit, else in one of dirs.
func plugins(dirs []string) (dir string, found bool) {
	names := []string{"bridge", "loopback", "host-local", "firewall"}
	all := func(there func(name string) error) bool {
		for _, name := range names {
			if there(name) != nil {
				return false
			}
		}
		return true
	}
	if all(func(name string) error { _, err := exec.LookPath("buildkit-cni-" + name); return err }) {
		return "", true
	}
	for _, dir := range dirs {
		if all(func(name string) error { _, err := os.Stat(filepath.Join(dir, name)); return err }) {
			return dir, true
		}
	}
	return "", false
}

// unconnected runs steps of the default network mode without a network. BuildKit's network "host" would give them that of this machine.
type unconnected struct{ executor.Executor }

// Run implements executor.Executor.
func (u unconnected) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo,
	started chan<- struct{}) (resourcestypes.Recorder, error) {
	if process.Meta.NetMode == pb.NetMode_UNSET {
		process.Meta.NetMode = pb.NetMode_NONE
	}
	return u.Executor.Run(ctx, id, root, mounts, process, started)
}
