//go:build !frontend

package engine

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/moby/sys/userns"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/layers"
)

// plainApplier unpacks layers. Those that are not compressed, and that slim has hashed when it imported them, it does not hash once more:
// their diff ID is their digest. Compressed ones are decompressed, hashed and unpacked at the same time.
type plainApplier struct {
	diff.Applier
	provider content.Provider
	blobs    string // the directory of the content store
}

// Apply implements diff.Applier.
func (a plainApplier) Apply(ctx context.Context, desc ocispecs.Descriptor, mounts []mount.Mount,
	opts ...diff.ApplyOpt) (ocispecs.Descriptor, error) {
	packed, err := images.DiffCompression(ctx, desc.MediaType)
	piped := err == nil && (packed == "gzip" || packed == "zstd")
	hashed := a.hashed(desc)
	if !hashed && !piped || len(mounts) != 1 || len(opts) > 0 {
		return a.Applier.Apply(ctx, desc, mounts, opts...)
	}
	blob, err := a.provider.ReaderAt(ctx, desc)
	if err != nil {
		return ocispecs.Descriptor{}, err
	}
	defer blob.Close()
	found := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayer, Digest: desc.Digest, Size: blob.Size()}
	if hashed {
		return found, unpack(ctx, content.NewReader(blob), mounts)
	}
	found.Digest, found.Size, err = unpackPiped(ctx, desc.MediaType, blob, mounts)
	return found, err
}

// unpackPiped unpacks a compressed layer, and returns the digest and the size of what it decompresses to.
func unpackPiped(ctx context.Context, mediaType string, blob content.ReaderAt, mounts []mount.Mount) (digest.Digest, int64, error) {
	plain, err := diff.GetProcessor(ctx, diff.NewProcessorChain(mediaType, content.NewReader(blob)), nil)
	if err != nil {
		return "", 0, err
	}
	defer plain.Close()
	ahead := newReadAhead(ctx, plain)
	defer ahead.Close() // before plain
	if err := unpack(ctx, ahead, mounts); err != nil {
		return "", 0, err
	}
	return ahead.finish()
}

// unpack writes the files of a layer's archive.
func unpack(ctx context.Context, layer io.Reader, mounts []mount.Mount) error {
	if upper, lower := overlayDirs(mounts[0]); upper != "" && !userns.RunningInUserNS() { // where whiteouts cannot be made
		_, err := archive.Apply(ctx, upper, layer, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout), archive.WithParents(lower))
		return err
	}
	return mount.WithTempMount(ctx, mounts, func(root string) error {
		_, err := archive.Apply(ctx, root, layer)
		return err
	})
}

// overlayDirs are the directories of an overlay mount: the one that is written, and those below it; "" for another mount.
func overlayDirs(m mount.Mount) (upper string, lower []string) {
	for _, option := range m.Options {
		name, value, _ := strings.Cut(option, "=")
		switch {
		case m.Type != "overlay":
		case name == "upperdir":
			upper = value
		case name == "lowerdir":
			lower = strings.Split(value, ":")
		}
	}
	return upper, lower
}

// hashed reports whether a layer is not compressed and has the content of its digest.
func (a plainApplier) hashed(desc ocispecs.Descriptor) bool {
	plain := desc.MediaType == ocispecs.MediaTypeImageLayer || desc.MediaType == images.MediaTypeDockerSchema2Layer
	return plain && desc.Digest.Validate() == nil &&
		layers.Hashed(filepath.Join(a.blobs, "blobs", desc.Digest.Algorithm().String(), desc.Digest.Encoded()))
}
