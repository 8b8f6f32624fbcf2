//go:build !frontend

package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/buildkit/cache/remotecache"
	inlineremotecache "github.com/moby/buildkit/cache/remotecache/inline"
	localremotecache "github.com/moby/buildkit/cache/remotecache/local"
	registryremotecache "github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/frontend"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/entitlements"
	"github.com/moby/buildkit/util/resolver"
	resolverconfig "github.com/moby/buildkit/util/resolver/config"
	"github.com/moby/buildkit/version"
	"github.com/moby/buildkit/worker"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"

	"github.com/slimimage/slim/layers"
)

// maxMessage is the maximum size of an RPC message, as in buildkitd (util/appdefaults and client use 16 MiB).
const maxMessage = 16 << 20

// errNoEmbedded is nil: this program has an embedded BuildKit.
var errNoEmbedded error

// embedded connects to the embedded BuildKit, and starts it if it does not run.
func embedded(ctx context.Context, opt Options) (*Engine, error) {
	if _, err := runcPath(); err != nil {
		return nil, err
	}
	root, err := stateRoot(opt.Root)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if opt.MaxCache == 0 {
		limit, err := boundOf(root)
		if err != nil {
			return nil, err
		}
		opt.MaxCache = limit.build
	}
	l, err := join(ctx, &opt, root)
	if err != nil {
		return nil, err
	}
	c, err := client.New(ctx, "", client.WithContextDialer(l.dial), client.WithGRPCDialOption(grpc.WithIdleTimeout(0)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the embedded BuildKit: %w", err), l.leave())
	}
	_, connected := plugins(pluginDirs)
	e := &Engine{Client: c, Kind: KindEmbedded, OCILayout: true, Network: connected && !inUserns(), close: l.leave,
		Name: fmt.Sprintf("embedded BuildKit %s (%s)", buildkitVersion(), l.Snapshotter)}
	if err := e.handshake(ctx, startTime); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the embedded BuildKit: %w", err), e.Close())
	}
	e.lost = l.lost
	if !l.private {
		e.shrink = func() error { // the last user does it for all
			if !l.sole() {
				return nil
			}
			return e.trim(opt.MaxCache)
		}
	}
	return e, nil
}

// shutDown stops the server; running requests have three seconds to end.
func shutDown(server *grpc.Server) {
	done := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		server.Stop()
	}
}

func buildkitVersion() string {
	if v := version.Version; v != "" && !strings.HasPrefix(v, "v0.0.0") {
		return v
	}
	return moduleVersion("github.com/moby/buildkit")
}

// controller builds the controller of buildkitd with one runc worker, for use inside this process.
func controller(ctx context.Context, opt helperConfig, dbs *unsynced) (*control.Controller, string, error) {
	root := opt.Dir
	sessions, err := session.NewManager()
	if err != nil {
		return nil, "", err
	}
	hosts := registries(opt.Insecure)
	w, name, err := newWorker(ctx, opt, hosts, dbs)
	if err != nil {
		return nil, "", err
	}
	wc := &worker.Controller{}
	if err := wc.Add(w); err != nil {
		return nil, "", err
	}
	gatewayFrontend, err := gateway.NewGatewayFrontend(wc.Infos(), nil)
	if err != nil {
		return nil, "", err
	}
	cacheStore, err := bboltcachestorage.NewStore(filepath.Join(root, "cache.db"))
	if err != nil {
		return nil, "", fmt.Errorf("opening the build cache: %w", err)
	}
	history, err := boltutil.SafeOpen(filepath.Join(root, "history.db"), 0o600,
		&bolt.Options{FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err == nil {
		err = dbs.add(history.View)
	}
	if err != nil {
		return nil, "", fmt.Errorf("opening the build history: %w", err)
	}
	ctl, err := control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: wc,
		Frontends: map[string]frontend.Frontend{
			"dockerfile.v0": forwarder.NewGatewayForwarder(wc.Infos(), dockerfile.Build),
			"gateway.v0":    gatewayFrontend,
		},
		ResolveCacheExporterFuncs: map[string]remotecache.ResolveCacheExporterFunc{
			"registry": registryremotecache.ResolveCacheExporterFunc(sessions, hosts),
			"local":    localremotecache.ResolveCacheExporterFunc(sessions),
			"inline":   inlineremotecache.ResolveCacheExporterFunc(),
		},
		ResolveCacheImporterFuncs: map[string]remotecache.ResolveCacheImporterFunc{
			"registry": registryremotecache.ResolveCacheImporterFunc(sessions, w.ContentStore(), hosts),
			"local":    localremotecache.ResolveCacheImporterFunc(sessions),
		},
		CacheManager:   solver.NewCacheManager(ctx, "local", cacheStore, worker.NewCacheResultStorage(wc)),
		Entitlements:   []string{entitlements.EntitlementNetworkHost.String()},
		HistoryDB:      history,
		CacheStore:     cacheStore,
		LeaseManager:   w.LeaseManager(),
		ContentStore:   w.ContentStore(),
		GarbageCollect: w.GarbageCollect,
		GracefulStop:   ctx.Done(),
	})
	return ctl, name, err
}

type resolverHosts = func(host string) ([]registryHost, error)

// registries resolves registry hosts. It uses HTTP without TLS for registries on this machine and for those in insecure, and bounds what
// an answer may cost.
func registries(insecure []string) resolverHosts {
	resolve := plainRegistries(insecure)
	return func(host string) ([]registryHost, error) {
		hosts, err := resolve(host)
		for i := range hosts {
			c := *hosts[i].Client
			c.Transport = layers.BoundedTransport(c.Transport)
			hosts[i].Client = &c
		}
		return hosts, err
	}
}

// plainRegistries is registries without the bounds.
func plainRegistries(insecure []string) resolverHosts {
	yes := true
	named := resolver.NewRegistryConfig(map[string]resolverconfig.RegistryConfig{})
	return func(host string) ([]registryHost, error) {
		name, _, err := net.SplitHostPort(host)
		if err != nil {
			name = host
		}
		local := name == "localhost" || net.ParseIP(name).IsLoopback()
		for _, other := range insecure {
			local = local || other == host
		}
		if !local {
			return named(host)
		}
		return resolver.NewRegistryConfig(map[string]resolverconfig.RegistryConfig{host: {PlainHTTP: &yes}})(host)
	}
}
