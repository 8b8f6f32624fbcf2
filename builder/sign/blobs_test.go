package sign

import (
	"bytes"
	"context"
	"io"

	registries "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// blobs are those of a registry that somebody may have changed in place.
type blobs struct {
	registries.BlobHandler
	changed map[string][]byte // by digest
}

func (b *blobs) Stat(ctx context.Context, repo string, h v1.Hash) (int64, error) {
	return b.BlobHandler.(registries.BlobStatHandler).Stat(ctx, repo, h)
}

func (b *blobs) Put(ctx context.Context, repo string, h v1.Hash, rc io.ReadCloser) error {
	return b.BlobHandler.(registries.BlobPutHandler).Put(ctx, repo, h, rc)
}

func (b *blobs) Get(ctx context.Context, repo string, h v1.Hash) (io.ReadCloser, error) {
	if data, ok := b.changed[h.String()]; ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return b.BlobHandler.Get(ctx, repo, h)
}
