package builder

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutStore serves the blobs of an OCI layout directory to BuildKit and never writes to it: containerd's own local store creates an
// ingest directory, even in a directory that does not belong to slim. All methods except Info, ReaderAt and Status return an error.
type layoutStore struct {
	content.Store
	dir string
}

func (s layoutStore) blob(dgst digest.Digest) (string, error) {
	if err := dgst.Validate(); err != nil {
		return "", err
	}
	return filepath.Join(s.dir, "blobs", dgst.Algorithm().String(), dgst.Encoded()), nil
}

// Info returns the size of a blob, or errdefs.ErrNotFound.
func (s layoutStore) Info(_ context.Context, dgst digest.Digest) (content.Info, error) {
	name, err := s.blob(dgst)
	if err != nil {
		return content.Info{}, err
	}
	stat, err := os.Stat(name)
	if err != nil {
		return content.Info{}, fmt.Errorf("blob %s: %w", dgst, errdefs.ErrNotFound)
	}
	return content.Info{Digest: dgst, Size: stat.Size()}, nil
}

// ReaderAt opens a blob; BuildKit verifies its digest.
func (s layoutStore) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	name, err := s.blob(desc.Digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", desc.Digest, errdefs.ErrNotFound)
	}
	stat, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return blobReader{f, stat.Size()}, nil
}

type blobReader struct {
	*os.File
	size int64
}

func (b blobReader) Size() int64 { return b.size }

var errReadOnly = fmt.Errorf("an input image is read only: %w", errdefs.ErrPermissionDenied)

func (s layoutStore) Update(context.Context, content.Info, ...string) (content.Info, error) {
	return content.Info{}, errReadOnly
}
func (s layoutStore) Walk(context.Context, content.WalkFunc, ...string) error { return errReadOnly }
func (s layoutStore) Delete(context.Context, digest.Digest) error             { return errReadOnly }
func (s layoutStore) Status(context.Context, string) (content.Status, error) {
	return content.Status{}, errdefs.ErrNotFound
}
func (s layoutStore) ListStatuses(context.Context, ...string) ([]content.Status, error) {
	return nil, nil
}
func (s layoutStore) Abort(context.Context, string) error { return errReadOnly }
func (s layoutStore) Writer(context.Context, ...content.WriterOpt) (content.Writer, error) {
	return nil, errReadOnly
}

var _ io.Closer = blobReader{}
