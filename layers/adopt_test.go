package layers

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// TestAdopt: an image of a layout is copied once, verified, and is the same one. The layout is not changed, and what is attached to the
// image is read from there.
func TestAdopt(t *testing.T) {
	img := small(t)
	dir, cache := ociDir(t, mutate.AppendManifests(empty.Index, named1(img, "one"))), t.TempDir()
	opt := OpenOptions{Platform: &amd64, Cache: cache, Adopt: true}
	for range 2 {
		in, err := Open(context.Background(), "oci:"+dir, opt)
		must(t, err)
		if in.Digest != digest(t, img) || in.Layout != cache || in.found != dir || in.Kind != KindOCI || in.Tag != "one" {
			t.Errorf("Open = %+v", in)
		}
		list, err := img.Layers()
		must(t, err)
		first, err := list[0].Digest()
		must(t, err)
		must(t, os.Remove(blobPath(dir, first))) // the second time it is not needed
		must(t, os.WriteFile(blobPath(dir, first), bytes.Repeat([]byte("x"), int(sizeOf(t, blobPath(cache, first)))), 0o600))
	}
	_, err := Open(context.Background(), "oci:"+dir, OpenOptions{Platform: &amd64, Cache: t.TempDir(), Adopt: true})
	if !errors.Is(err, ErrDigest) {
		t.Errorf("Open of a changed layer = %v, want %v", err, ErrDigest)
	}
	if left, err := filepath.Glob(filepath.Join(cache, importDir+"*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func sizeOf(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	must(t, err)
	return info.Size()
}
