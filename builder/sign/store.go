package sign

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slimimage/slim/layers"
)

// Bounds for data in memory. BuildKit takes statements of 40 MiB, which base64 makes 54.
const (
	maxManifest = 4 << 20  // bytes
	maxBlob     = 64 << 20 // bytes of a statement, an envelope, a bundle or an image config
	maxTogether = 256 << 20
	maxListed   = 1000 // manifests of an index, referrers, and layers of a manifest
)

var errLarge = errors.New("it is larger than slim reads")

// store is where an image and its signatures are: a registry's repository, or an OCI layout.
type store interface {
	// name is the repository as payloads claim it.
	name() string
	// manifest reads a manifest by digest or tag; the error satisfies errors.Is for layers.ErrNotFound where there is none.
	manifest(ctx context.Context, ref string) ([]byte, error)
	blob(ctx context.Context, digest v1.Hash) (io.ReadCloser, error)
	// referrers are the digests of the manifests that have a manifest for their subject.
	referrers(ctx context.Context, digest v1.Hash) ([]v1.Hash, error)
}

// bytesError says that a blob is not what its digest says.
type bytesError struct {
	want v1.Descriptor
	got  string // digest, or the number of bytes
}

func (e *bytesError) Error() string {
	return fmt.Sprintf("its bytes are not those of %s: they have %s", e.want.Digest, e.got)
}

// checkBlob reads a blob, into w, and compares its size and digest; a *bytesError where they differ.
func checkBlob(ctx context.Context, st store, d v1.Descriptor, w io.Writer) error {
	if d.Digest.Algorithm != "sha256" {
		return fmt.Errorf("its digest %s is not a SHA-256 digest", d.Digest)
	}
	r, err := st.blob(ctx, d.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, w), io.LimitReader(r, d.Size))
	got := hex.EncodeToString(sum.Sum(nil))
	if n == d.Size { // one more read: either there is more, or the registry library reports a wrong digest
		more, end := r.Read(make([]byte, 1))
		if more > 0 {
			return &bytesError{d, fmt.Sprintf("more than %d bytes", d.Size)}
		}
		if got == d.Digest.Hex && (end == nil || end == io.EOF) {
			return nil
		}
		return &bytesError{d, "sha256:" + got}
	}
	if err != nil {
		return layers.RegistryError(err)
	}
	return &bytesError{d, fmt.Sprintf("%d bytes, not %d", n, d.Size)}
}

// registry is one repository.
type registry struct {
	repo    name.Repository
	options []remote.Option
}

func (r registry) name() string { return r.repo.Name() }

func (r registry) with(ctx context.Context) []remote.Option {
	return append(slices.Clone(r.options), remote.WithContext(ctx))
}

// reference makes a reference of a digest or a tag.
func (r registry) reference(ref string) name.Reference {
	if strings.HasPrefix(ref, "sha256:") {
		return r.repo.Digest(ref)
	}
	return r.repo.Tag(ref)
}

func (r registry) manifest(ctx context.Context, ref string) ([]byte, error) {
	d, err := remote.Get(r.reference(ref), r.with(ctx)...)
	if err != nil {
		return nil, layers.RegistryError(err)
	}
	return d.Manifest, nil
}

func (r registry) blob(ctx context.Context, digest v1.Hash) (io.ReadCloser, error) {
	layer, err := remote.Layer(r.repo.Digest(digest.String()), r.with(ctx)...)
	if err != nil {
		return nil, layers.RegistryError(err)
	}
	rc, err := layer.Compressed()
	if err != nil {
		return nil, layers.RegistryError(err)
	}
	return rc, nil
}

func (r registry) referrers(ctx context.Context, digest v1.Hash) ([]v1.Hash, error) {
	index, err := remote.Referrers(r.repo.Digest(digest.String()), r.with(ctx)...)
	if err == nil {
		var data []byte
		if data, err = index.RawManifest(); err == nil {
			return digests(data)
		}
	}
	if err = layers.RegistryError(err); errors.Is(err, layers.ErrNotFound) {
		return nil, nil
	}
	return nil, err
}

// digests lists the manifests of a list of referrers.
func digests(data []byte) ([]v1.Hash, error) {
	index, err := layers.ParseIndex(data)
	if err != nil {
		return nil, err
	}
	if len(index.Manifests) > maxListed {
		return nil, fmt.Errorf("it has more than %d referrers", maxListed)
	}
	list := make([]v1.Hash, len(index.Manifests))
	for i, d := range index.Manifests {
		list[i] = d.Digest
	}
	return list, nil
}

// tagOf is the tag of cosign's layout, and without a suffix the fallback tag of referrers.
func tagOf(digest v1.Hash, suffix string) string { return digest.Algorithm + "-" + digest.Hex + suffix }
