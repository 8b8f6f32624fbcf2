package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// refName is the annotation that names an image in an OCI layout (image-spec, annotations.md).
const refName = "org.opencontainers.image.ref.name"

// registryError says in one line what a registry answered.
func registryError(err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("the registry has no such image: %w", ErrNotFound)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("the registry refuses: %d (docker login?)", answer.StatusCode)
		}
	}
	return err
}

// openLayout opens an OCI layout directory in place. tag may be empty where there is only one image.
func openLayout(dir, tag string, opt OpenOptions) (*Input, error) {
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNotFound
		}
		return nil, fmt.Errorf("%s is no OCI layout: index.json: %w", dir, err)
	}
	if err := bounded(filepath.Join(dir, "index.json")); err != nil {
		return nil, err
	}
	p, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	index, err := p.ImageIndex()
	if err != nil {
		return nil, err
	}
	desc, err := findTag(index, tag)
	if err != nil {
		return nil, err
	}
	img, err := descend(dir, index, desc, opt.platform(), 0)
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	in := &Input{Kind: KindOCI, Layout: dir, Digest: digest, Image: img, RepoDigest: desc.Digest.String()}
	in.Repo, in.Tag = layoutName(dir, desc.Annotations)
	return in, complete(dir, img)
}

// layoutName names the result: after the image's annotation, else after the directory.
func layoutName(dir string, annotations map[string]string) (repo, tag string) {
	if full := annotations["io.containerd.image.name"]; full != "" {
		return shortName(full), annotations[refName]
	}
	base := strings.ToLower(strings.TrimLeft(filepath.Base(filepath.Clean(dir)), "._-"))
	tag = annotations[refName]
	if shortName(tag) != tag || strings.Contains(tag, "/") {
		return shortName(tag), strings.TrimPrefix(tag, shortName(tag)+":")
	}
	return base, tag
}

func findTag(index v1.ImageIndex, tag string) (v1.Descriptor, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	var names []string
	for _, d := range manifest.Manifests {
		if tag != "" && (d.Annotations[refName] == tag || d.Digest.String() == tag) {
			return d, nil
		}
		names = append(names, d.Annotations[refName])
	}
	switch {
	case tag != "":
		return v1.Descriptor{}, fmt.Errorf("the layout has no image %q (it has %s): %w", tag, strings.Join(names, ", "), ErrNotFound)
	case len(manifest.Manifests) == 0:
		return v1.Descriptor{}, fmt.Errorf("the layout has no image: %w", ErrNotFound)
	}
	images := slices.DeleteFunc(slices.Clone(manifest.Manifests), func(d v1.Descriptor) bool {
		return d.Annotations["vnd.docker.reference.type"] == "attestation-manifest"
	})
	if len(images) > 1 && !samePlace(images) {
		return v1.Descriptor{}, fmt.Errorf("the layout has %d images: name one of %s", len(images), strings.Join(names, ", "))
	}
	return images[0], nil
}

// samePlace says whether the descriptors are one image for several platforms.
func samePlace(list []v1.Descriptor) bool {
	for _, d := range list {
		if d.Platform == nil || d.Annotations[refName] != list[0].Annotations[refName] {
			return false
		}
	}
	return true
}

// maxDepth bounds indexes within indexes.
const maxDepth = 4

// descend goes from a descriptor to the image of a platform.
func descend(dir string, parent v1.ImageIndex, desc v1.Descriptor, want v1.Platform, depth int) (v1.Image, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("its indexes are nested more than %d deep", maxDepth)
	}
	if err := verify(dir, desc.Digest); err != nil {
		return nil, err
	}
	if !desc.MediaType.IsIndex() {
		return parent.Image(desc.Digest)
	}
	index, err := parent.ImageIndex(desc.Digest)
	if err != nil {
		return nil, err
	}
	next, err := choose(index, want)
	if err != nil {
		return nil, err
	}
	return descend(dir, index, next, want, depth+1)
}

func blobPath(dir string, h v1.Hash) string { return filepath.Join(dir, "blobs", h.Algorithm, h.Hex) }

// bounded refuses a manifest or config that is too large to be one.
func bounded(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), ErrNotFound)
	}
	if info.Size() > maxManifest {
		return fmt.Errorf("%s has %d bytes, more than a manifest or config may have (%d)", filepath.Base(name), info.Size(), maxManifest)
	}
	return nil
}

// complete says whether every blob of an image is there with the size its manifest says: a truncated layer is found here and not
// in the middle of a build.
func complete(dir string, img v1.Image) error {
	manifest, err := img.Manifest()
	if err != nil {
		return fmt.Errorf("reading its manifest: %w", err)
	}
	if err := verify(dir, manifest.Config.Digest); err != nil {
		return err
	}
	for i, d := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		what := fmt.Sprintf("layer %d", i)
		if i == 0 {
			what = "config"
		}
		info, err := os.Stat(blobPath(dir, d.Digest))
		if err != nil {
			return fmt.Errorf("its %s %s is missing: %w", what, d.Digest, ErrNotFound)
		}
		if info.Size() != d.Size {
			return fmt.Errorf("its %s %s has %d bytes, its manifest says %d", what, d.Digest, info.Size(), d.Size)
		}
	}
	return nil
}

// verify reads a manifest or config and compares its digest; layers are verified by BuildKit when it takes them in.
func verify(dir string, want v1.Hash) error {
	name := blobPath(dir, want)
	if err := bounded(name); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	got, _, err := v1.SHA256(f)
	if err == nil && got != want {
		err = fmt.Errorf("blob %s has digest %s", want, got)
	}
	return err
}
