//go:build !frontend

package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

// A blob of an imported image is in the store without being written again, if it is a file of the right size.
func TestLinkingStore(t *testing.T) {
	images, own := t.TempDir(), filepath.Join(t.TempDir(), "content")
	plain, err := local.NewStore(own)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	meta := metadata.NewDB(db, plain, nil)
	if err := meta.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := linkingStore{Store: meta.ContentStore(), images: images, own: own}
	ctx := namespaces.WithNamespace(t.Context(), "test")
	layer, link := []byte("a layer"), []byte("a link")
	for _, data := range [][]byte{layer, link} {
		write(t, filepath.Join(images, "blobs", "sha256", digest.FromBytes(data).Encoded()), string(data))
	}
	name := filepath.Join(images, "blobs", "sha256", digest.FromBytes(link).Encoded())
	if err := os.Rename(name, name+"-target"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(name+"-target", name); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what   string
		digest digest.Digest
		size   int64
		there  int64 // bytes that need not be written
	}{
		{"another size", digest.FromBytes(layer), 8, 0},
		{"the layer", digest.FromBytes(layer), 7, 7},
		{"a symlink", digest.FromBytes(link), 6, 0},
		{"an unknown blob", digest.FromString("unknown"), 7, 0},
		{"no digest", "", 0, 0},
		{"no name", "sha256:../../../x", 7, 0},
	} {
		desc := ocispecs.Descriptor{Digest: test.digest, Size: test.size}
		w, err := store.Writer(ctx, content.WithRef(test.what), content.WithDescriptor(desc))
		if err != nil {
			t.Errorf("%s: Writer() = %v", test.what, err)
			continue
		}
		if status, err := w.Status(); err != nil || status.Offset != test.there {
			t.Errorf("%s: the writer has %d bytes, %v, want %d", test.what, status.Offset, err, test.there)
		}
		if test.there > 0 {
			if err := w.Commit(ctx, desc.Size, desc.Digest); err != nil {
				t.Errorf("%s: Commit() = %v", test.what, err)
			}
			if got, err := content.ReadBlob(ctx, store, desc); err != nil || string(got) != string(layer) {
				t.Errorf("%s: the store has %q, %v", test.what, got, err)
			}
		}
		w.Close()
	}
}
