//go:build !frontend

package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"
)

// linkingStore is BuildKit's content store, which takes blobs of imported images where they lie: it links them into the directory of
// its own blobs before it is asked for a writer. containerd's store then only records them (its content sharing policy "shared"), where
// else they would be sent through a connection, hashed and written once more. What is unpacked from a blob is verified in any case.
type linkingStore struct {
	content.Store
	images string // directory of imported images, an OCI layout
	own    string // directory of the store
}

// Writer implements content.Ingester.
func (s linkingStore) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var want content.WriterOpts
	for _, opt := range opts {
		if err := opt(&want); err != nil {
			return nil, err
		}
	}
	if want.Desc.Digest != "" {
		s.link(want.Desc.Digest, want.Desc.Size)
	}
	return s.Store.Writer(ctx, opts...)
}

// link links a blob of an imported image. Where it fails, the blob is copied.
func (s linkingStore) link(blob digest.Digest, size int64) {
	if blob.Validate() != nil {
		return
	}
	name := filepath.Join("blobs", blob.Algorithm().String(), blob.Encoded())
	from := filepath.Join(s.images, name)
	if info, err := os.Lstat(from); err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return
	}
	to := filepath.Join(s.own, name)
	if err := os.Link(from, to); errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(to), 0o755) == nil { // as containerd makes it
		_ = os.Link(from, to)
	}
}
