//go:build !frontend

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/diff/apply"
	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	ctdsnapshot "github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources"
	"github.com/moby/buildkit/executor/runcexecutor"
	containerdsnapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/util/winlayers"
	"github.com/moby/buildkit/worker/base"
	wlabel "github.com/moby/buildkit/worker/label"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

// newWorker is buildkitd's worker for runc (worker/runc of BuildKit) as slim needs it. It has no proxy that records what steps fetch, for
// which BuildKit makes an RSA key at each start.
func newWorker(ctx context.Context, opt helperConfig, hosts resolverHosts, dbs *unsynced) (*base.Worker, string, error) {
	factory := snapshotter(opt.Dir, dbs)
	root := filepath.Join(opt.Dir, "runc-"+factory.name)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, "", err
	}
	wo := base.WorkerOpt{Root: root, RegistryHosts: hosts, GCPolicy: []client.PruneInfo{{All: true, MaxUsedSpace: opt.MaxCache}},
		Platforms: []ocispecs.Platform{platforms.Normalize(platforms.DefaultSpec())}, MountPoolRoot: filepath.Join(root, "cachemounts"),
		BuildkitVersion: client.BuildkitVersion{Package: "github.com/moby/buildkit", Version: buildkitVersion()}}
	if err := openStores(&wo, factory, filepath.Dir(opt.Dir), dbs); err != nil {
		return nil, "", err
	}
	if err := openExecutor(&wo, opt.Dir, factory.name); err != nil {
		return nil, "", fmt.Errorf("preparing runc: %w", err)
	}
	w, err := base.NewWorker(ctx, wo)
	return w, factory.name, err
}

// openStores opens the content, the snapshots and their databases. cache is the directory with the imported images.
func openStores(wo *base.WorkerOpt, factory snapshots, cache string, dbs *unsynced) error {
	snapshots, err := factory.open(filepath.Join(wo.Root, "snapshots"))
	if err != nil {
		return err
	}
	linking := linkingStore{images: imagesDir(cache), own: filepath.Join(wo.Root, "content")}
	store, err := local.NewStore(linking.own)
	if err != nil {
		return err
	}
	db, err := boltutil.Open(filepath.Join(wo.Root, "containerdmeta.db"), 0o600,
		&bolt.Options{FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return err
	}
	all := ctdmetadata.NewDB(db, store, map[string]ctdsnapshot.Snapshotter{factory.name: snapshots})
	if err := all.Init(context.Background()); err != nil {
		return err
	}
	if wo.MetadataStore, err = metadata.NewStore(filepath.Join(wo.Root, "metadata_v2.db")); err != nil {
		return err
	}
	linking.Store = all.ContentStore()
	wo.ContentMetadata, wo.ContentStore = db, containerdsnapshot.NewContentStore(linking, namespace)
	wo.Snapshotter = containerdsnapshot.NewSnapshotter(factory.name, all.Snapshotter(factory.name), namespace, nil)
	wo.LeaseManager, wo.GarbageCollect = leaseutil.WithNamespace(ctdmetadata.NewLeaseManager(all), namespace), all.GarbageCollect
	wo.Applier = plainApplier{Applier: winlayers.NewFileSystemApplierWithWindows(wo.ContentStore, apply.NewFileSystemApplier(wo.ContentStore)),
		provider: wo.ContentStore, blobs: linking.own}
	wo.Differ = winlayers.NewWalkingDiffWithWindows(wo.ContentStore, walking.NewWalkingDiff(wo.ContentStore))
	return errors.Join(dbs.add(db.View), dbs.add(wo.MetadataStore.DB().View))
}

// namespace is that of BuildKit in containerd's databases.
const namespace = "buildkit"

// openExecutor prepares runc and the networks of the steps.
func openExecutor(wo *base.WorkerOpt, dir, snapshotter string) (err error) {
	bridge := stepNetwork(dir)
	wo.NetworkProviders = map[pb.NetMode]network.Provider{pb.NetMode_UNSET: bridge, pb.NetMode_NONE: network.NewNoneProvider(),
		pb.NetMode_HOST: network.NewHostProvider()}
	if bridge == nil {
		wo.NetworkProviders[pb.NetMode_UNSET] = network.NewHostProvider() // never used: see unconnected
	}
	if wo.ResourceMonitor, err = resources.NewMonitor(); err != nil {
		return err
	}
	wo.Executor, err = runcexecutor.New(runcexecutor.Opt{Root: filepath.Join(wo.Root, "executor"), Rootless: inUserns(),
		ProcessMode: oci.ProcessSandbox, ResourceMonitor: wo.ResourceMonitor}, wo.NetworkProviders)
	if err != nil {
		return err
	}
	if bridge == nil {
		wo.Executor = unconnected{wo.Executor}
	}
	wo.Executor = ending{wo.Executor}
	wo.Labels = map[string]string{wlabel.Executor: "oci", wlabel.Snapshotter: snapshotter, wlabel.OCIProcessMode: oci.ProcessSandbox.String()}
	wo.ID, err = base.ID(wo.Root)
	return err
}

// snapshots is a kind of snapshotter.
type snapshots struct {
	name string
	open func(root string) (ctdsnapshot.Snapshotter, error)
}

// snapshotter selects overlayfs if the file system of the state directory supports it, else plain copies.
func snapshotter(root string, dbs *unsynced) snapshots {
	if overlayutils.Supported(root) == nil {
		return snapshots{"overlayfs", func(root string) (ctdsnapshot.Snapshotter, error) {
			if err := os.MkdirAll(root, 0o700); err != nil {
				return nil, err
			}
			store, err := dbs.snapshots(root)
			if err != nil {
				return nil, err
			}
			return overlay.NewSnapshotter(root, overlay.AsynchronousRemove, overlay.WithMetaStore(store))
		}}
	}
	return snapshots{"native", native.NewSnapshotter}
}
