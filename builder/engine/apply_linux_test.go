//go:build !frontend

package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/layers"
)

// noApplier notes that it was asked.
type noApplier struct{ asked bool }

func (n *noApplier) Apply(context.Context, ocispecs.Descriptor, []mount.Mount, ...diff.ApplyOpt) (ocispecs.Descriptor, error) {
	n.asked = true
	return ocispecs.Descriptor{}, nil
}

// Only a layer without compression that slim has hashed is unpacked without hashing it again.
func TestPlainApplier(t *testing.T) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: "dir/file", Mode: 0o640, Size: 5}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("hello"))
	w.Close()
	dir := t.TempDir()
	store, err := local.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	desc := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayer, Digest: digest.FromBytes(layer.Bytes()), Size: int64(layer.Len())}
	if err := content.WriteBlob(t.Context(), store, "x", bytes.NewReader(layer.Bytes()), desc); err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	apply := func(desc ocispecs.Descriptor) bool {
		other := &noApplier{}
		a := plainApplier{Applier: other, provider: store, blobs: dir}
		got, err := a.Apply(t.Context(), desc, []mount.Mount{{Type: "bind", Source: target, Options: []string{"rbind", "rw"}}})
		if err != nil || !other.asked && (got.Digest != desc.Digest || got.Size != desc.Size) {
			t.Errorf("Apply() = %+v, %v, want %s", got, err, desc.Digest)
		}
		return !other.asked
	}
	if apply(desc) {
		t.Error("a layer that slim has not hashed was unpacked without hashing it")
	}
	blob := filepath.Join(dir, "blobs", "sha256", desc.Digest.Encoded())
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(blob, "user.slim.boot", bytes.TrimSpace(id), 0); err != nil || !layers.Hashed(blob) {
		t.Skipf("the file system has no attributes: %v", err)
	}
	zipped := desc
	zipped.MediaType = ocispecs.MediaTypeImageLayerGzip
	if apply(zipped) {
		t.Error("a layer with compression was unpacked as one without")
	}
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if !apply(desc) {
		t.Error("a layer that slim has hashed was hashed again")
	}
	if got, err := os.ReadFile(filepath.Join(target, "dir", "file")); err != nil || string(got) != "hello" {
		t.Errorf("the layer has %q, %v", got, err)
	}
}

func TestOverlayDirs(t *testing.T) {
	for _, test := range []struct {
		mount mount.Mount
		upper string
		lower []string
	}{
		{mount.Mount{Type: "bind", Options: []string{"upperdir=/x"}}, "", nil},
		{mount.Mount{Type: "overlay", Options: []string{"lowerdir=/a:/b"}}, "", []string{"/a", "/b"}},
		{mount.Mount{Type: "overlay", Options: []string{"workdir=/w", "upperdir=/u", "lowerdir=/a"}}, "/u", []string{"/a"}},
	} {
		upper, lower := overlayDirs(test.mount)
		if diff := cmp.Diff([]any{test.upper, test.lower}, []any{upper, lower}); diff != "" {
			t.Errorf("overlayDirs(%v) differs (-want +got):\n%s", test.mount, diff)
		}
	}
}
