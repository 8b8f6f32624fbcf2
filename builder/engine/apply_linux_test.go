//go:build !frontend

package engine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
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
	layer, dir := tarOf(t, "dir/file", []byte("hello")), t.TempDir()
	store, err := local.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	desc := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayer, Digest: digest.FromBytes(layer), Size: int64(len(layer))}
	if err := content.WriteBlob(t.Context(), store, "x", bytes.NewReader(layer), desc); err != nil {
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

// A compressed layer is unpacked while it is decompressed and hashed; one that is damaged fails.
func TestUnpackPiped(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // several chunks
	layer := tarOf(t, "dir/file", text)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(layer)
	w.Close()
	for name, test := range map[string]struct {
		blob []byte
		ok   bool
	}{"whole": {zipped.Bytes(), true}, "cut": {zipped.Bytes()[:zipped.Len()-10], false}, "no archive": {[]byte("x"), false}} {
		store, err := local.NewStore(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		desc := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayerGzip, Digest: digest.FromBytes(test.blob), Size: int64(len(test.blob))}
		if err := content.WriteBlob(t.Context(), store, "x", bytes.NewReader(test.blob), desc); err != nil {
			t.Fatal(err)
		}
		target := t.TempDir()
		a := plainApplier{Applier: &noApplier{}, provider: store, blobs: t.TempDir()}
		got, err := a.Apply(t.Context(), desc, []mount.Mount{{Type: "bind", Source: target, Options: []string{"rbind", "rw"}}})
		if (err == nil) != test.ok {
			t.Errorf("%s: Apply() = %v", name, err)
		}
		if !test.ok {
			continue
		}
		if got.Digest != digest.FromBytes(layer) || got.Size != int64(len(layer)) || got.MediaType != ocispecs.MediaTypeImageLayer {
			t.Errorf("%s: Apply() = %+v, want %s of %d bytes", name, got, digest.FromBytes(layer), len(layer))
		}
		if data, err := os.ReadFile(filepath.Join(target, "dir", "file")); err != nil || !bytes.Equal(data, text) {
			t.Errorf("%s: the file has %d bytes, %v", name, len(data), err)
		}
	}
}

func tarOf(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o640, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	w.Write(content)
	w.Close()
	return layer.Bytes()
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
