package layers

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestTrimCache imports images until the cache is over its bound: the longest unused go, whole, and the others stay usable.
func TestTrimCache(t *testing.T) {
	cache := t.TempDir()
	store := blobStore{cache}
	base, err := random.Layer(50_000, "")
	if err != nil {
		t.Fatal(err)
	}
	bare, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	shared, err := mutate.AppendLayers(bare, base)
	if err != nil {
		t.Fatal(err)
	}
	var digests []v1.Hash
	for age := range 4 {
		layer, err := random.Layer(100_000, "")
		if err != nil {
			t.Fatal(err)
		}
		img, err := mutate.AppendLayers(shared, layer)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "image.tar")
		if err := tarball.WriteToFile(name, nil, img); err != nil {
			t.Fatal(err)
		}
		in, err := Open(t.Context(), "docker-archive:"+name,
			OpenOptions{Cache: cache, Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}})
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, in.Digest)
		if err := store.record("engine-"+in.Digest.Hex, in.Digest); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-time.Duration(4-age) * 48 * time.Hour)
		manifest, err := in.Image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range append([]v1.Descriptor{{Digest: in.Digest}, manifest.Config}, manifest.Layers[1:]...) {
			if err := os.Chtimes(blobPath(cache, h.Digest), then, then); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := store.use(digests[0]); err != nil { // the oldest is the newest now
		t.Fatal(err)
	}
	usable := func() (list []int) {
		for i, digest := range digests {
			if _, err := store.open(digest); err == nil {
				list = append(list, i)
			}
		}
		return list
	}
	if freed, err := TrimCache(cache, 1<<30, true); freed != 0 || err != nil {
		t.Errorf("TrimCache below the bound frees %d (%v)", freed, err)
	}
	if _, err := TrimCache(cache, 300_000, true); err != nil {
		t.Fatal(err)
	}
	if got := usable(); len(got) != 2 || got[0] != 0 || got[1] != 3 {
		t.Errorf("after a trim the images %v are usable, want 0, which was used last, and 3", got)
	}
	if records, err := os.ReadDir(filepath.Join(cache, "docker")); len(records) != 2 || err != nil {
		t.Errorf("%d records are left (%v), want 2", len(records), err)
	}
	if freed, err := TrimCache(cache, 0, false); err != nil || freed == 0 {
		t.Errorf("beside another process TrimCache frees %d (%v), want what is older than a day", freed, err)
	}
	if got := usable(); len(got) != 1 || got[0] != 0 {
		t.Errorf("beside another process the images %v stay, want the one in use, 0", got)
	}
	if _, err := TrimCache(filepath.Join(cache, "none"), 0, true); err != nil {
		t.Errorf("TrimCache without a directory: %v", err)
	}
}
