package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	contentproxy "github.com/containerd/containerd/v2/core/content/proxy"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Store is the image store of the Docker engine that BuildKit is part of; nil for other engines.
func (e *Engine) Store() *DockerStore {
	if !e.SharesDockerStore() {
		return nil
	}
	return &DockerStore{e}
}

// DockerStore reads images where the Docker engine keeps them. It implements layers.DockerStore.
type DockerStore struct{ engine *Engine }

// Blobs reports whether the store holds manifests and configs as blobs: containerd's does.
func (s *DockerStore) Blobs() bool { return s.engine.OCILayout }

// Blob reads a blob of at most limit bytes from containerd's store, by way of BuildKit.
func (s *DockerStore) Blob(ctx context.Context, dgst string, limit int64) ([]byte, error) {
	store := contentproxy.NewContentStore(s.engine.Client.ContentClient())
	info, err := store.Info(ctx, digest.Digest(dgst))
	if err != nil {
		return nil, err
	}
	if info.Size > limit {
		return nil, fmt.Errorf("blob %s has %d bytes, more than %d", dgst, info.Size, limit)
	}
	return content.ReadBlob(ctx, store, ocispecs.Descriptor{Digest: info.Digest, Size: info.Size})
}

// Config returns the config of the image that has the name in the store. It never pulls: if there is no such image, BuildKit asks a
// registry, and the answer has a digest.
func (s *DockerStore) Config(ctx context.Context, name, platform string) ([]byte, error) {
	p, err := platforms.Parse(platform)
	if err != nil {
		return nil, err
	}
	var config []byte
	ask := func(ctx context.Context, c gateway.Client) (_ *gateway.Result, err error) {
		config, err = LocalConfig(ctx, c, name, p)
		return gateway.NewResult(), err
	}
	_, err = s.engine.Client.Build(ctx, client.SolveOpt{Internal: true}, "slim", ask, nil)
	return config, err
}

// LocalConfig asks a Docker engine with the classic image store for the config of one of its own images.
func LocalConfig(ctx context.Context, c gateway.Client, name string, platform ocispecs.Platform) ([]byte, error) {
	_, dgst, config, err := c.ResolveImageConfig(ctx, name, sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{
		Platform: &platform, ResolveMode: llb.ResolveModePreferLocal.String()}})
	if err == nil && dgst != "" { // only an image of a registry has a manifest here
		err = errors.New("the engine has no image of this name any more")
	}
	return config, err
}
