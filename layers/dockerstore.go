package layers

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	mobyclient "github.com/moby/moby/client"
)

// DockerStore reads the image store of a Docker engine in place.
type DockerStore interface {
	// Blobs reports whether it holds manifests and configs as blobs: containerd's store does, the classic one does not.
	Blobs() bool
	// Blob reads a blob of at most limit bytes.
	Blob(ctx context.Context, digest string, limit int64) ([]byte, error)
	// Config returns the config of the image that has the name.
	Config(ctx context.Context, name, platform string) ([]byte, error)
}

// errUnread is the error for layers of an image that stays in its engine.
var errUnread = errors.New("the layers of an image in the Docker engine's store are not read")

// storeImage opens an image where the engine has it. It reads manifest and config, and no layer.
func storeImage(ctx context.Context, ref string, info mobyclient.ImageInspectResult, opt OpenOptions) (*Input, error) {
	id, err := v1.NewHash(info.ID)
	if err != nil {
		return nil, fmt.Errorf("the Docker engine names it %q: %w", info.ID, err)
	}
	name, err := storeName(ref, info)
	if err != nil {
		return nil, err
	}
	if opt.Store.Blobs() {
		return blobImage(ctx, name, id, opt)
	}
	config, err := opt.Store.Config(ctx, name, opt.platform().String())
	if err != nil {
		return nil, fmt.Errorf("asking the Docker engine for its config: %w", err)
	}
	if got, _, err := v1.SHA256(bytes.NewReader(config)); err != nil || got != id {
		return nil, fmt.Errorf("the Docker engine had %s under this name, and now has %s: did the tag move?", id, got)
	}
	return &Input{Local: name, Digest: id, RepoDigest: id.String(), Image: configImage{config}}, nil
}

// storeName is a name under which the engine finds the image: the requested one, or another that it has.
func storeName(ref string, info mobyclient.ImageInspectResult) (string, error) {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		wanted := reference.TagNameOnly(named).String()
		for _, tag := range info.RepoTags {
			if have, err := reference.ParseNormalizedNamed(tag); err == nil && have.String() == wanted {
				return wanted, nil
			}
		}
	}
	for _, tag := range info.RepoTags {
		if have, err := reference.ParseNormalizedNamed(tag); err == nil {
			return have.String(), nil
		}
	}
	return "", ErrNoName
}

// ErrNoName is the error for an image of the Docker engine that only has an ID, where its BuildKit finds images by name.
var ErrNoName = errors.New("the Docker engine has it without a name, and its BuildKit finds images by name")

// blobImage finds the image of the platform below what the engine has under a name.
func blobImage(ctx context.Context, name string, id v1.Hash, opt OpenOptions) (*Input, error) {
	s := storeSearch{ctx, opt.Store, opt.platform()}
	core, err := s.find(id, 0)
	if err != nil {
		return nil, err
	}
	img, err := partial.CompressedToImage(core)
	if err != nil {
		return nil, err
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	return &Input{Local: name + "@" + id.String(), Digest: digest, RepoDigest: id.String(), Image: img}, nil
}

type storeSearch struct {
	ctx   context.Context
	store DockerStore
	want  v1.Platform
}

func (s storeSearch) find(digest v1.Hash, depth int) (*readImage, error) {
	if depth > maxDepth {
		return nil, errNested
	}
	data, err := s.read(digest)
	if err != nil {
		return nil, err
	}
	isIndex, err := IsIndex(data, "")
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", digest, err)
	}
	if !isIndex {
		return s.image(data)
	}
	index, err := ParseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("reading index %s: %w", digest, err)
	}
	var have []v1.Platform
	for _, d := range Images(index) {
		if d.Platform != nil && !fits(*d.Platform, s.want) {
			have = append(have, *d.Platform)
			continue
		}
		if img, err := s.find(d.Digest, depth+1); !errdefs.IsNotFound(err) { // engines leave out the platforms that they have not pulled
			return img, err
		}
	}
	return nil, platformError(have, s.want)
}

func (s storeSearch) image(manifest []byte) (*readImage, error) {
	img := &readImage{manifest: manifest}
	parsed, err := partial.Manifest(img)
	if err != nil {
		return nil, err
	}
	img.config, err = s.read(parsed.Config.Digest)
	return img, err
}

func (s storeSearch) read(digest v1.Hash) ([]byte, error) {
	data, err := s.store.Blob(s.ctx, digest.String(), maxManifest)
	if err != nil {
		return nil, fmt.Errorf("reading %s in the Docker engine: %w", digest, err)
	}
	if got, _, err := v1.SHA256(bytes.NewReader(data)); err != nil || got != digest {
		return nil, fmt.Errorf("%w: blob %s holds %s", ErrDigest, digest, got)
	}
	return data, nil
}

// readImage is an image (partial.CompressedImageCore) of which manifest and config were read.
type readImage struct{ manifest, config []byte }

// RawManifest returns the manifest's bytes.
func (i *readImage) RawManifest() ([]byte, error) { return i.manifest, nil }

// RawConfigFile returns the config's bytes.
func (i *readImage) RawConfigFile() ([]byte, error) { return i.config, nil }

// MediaType returns the manifest's own.
func (i *readImage) MediaType() (types.MediaType, error) {
	manifest, err := partial.Manifest(i)
	if err != nil || manifest.MediaType != "" {
		return manifest.MediaType, err
	}
	return types.OCIManifestSchema1, nil
}

// LayerByDigest returns an error.
func (i *readImage) LayerByDigest(v1.Hash) (partial.CompressedLayer, error) { return nil, errUnread }

// configImage is an image of the classic store, of which only the config can be read.
type configImage struct{ config []byte }

func (i configImage) RawConfigFile() ([]byte, error)          { return i.config, nil }
func (i configImage) ConfigFile() (*v1.ConfigFile, error)     { return partial.ConfigFile(i) }
func (i configImage) ConfigName() (v1.Hash, error)            { return partial.ConfigName(i) }
func (i configImage) MediaType() (types.MediaType, error)     { return types.OCIManifestSchema1, nil }
func (i configImage) Layers() ([]v1.Layer, error)             { return nil, errUnread }
func (i configImage) Size() (int64, error)                    { return 0, errUnread }
func (i configImage) Digest() (v1.Hash, error)                { return v1.Hash{}, errUnread }
func (i configImage) Manifest() (*v1.Manifest, error)         { return nil, errUnread }
func (i configImage) RawManifest() ([]byte, error)            { return nil, errUnread }
func (i configImage) LayerByDigest(v1.Hash) (v1.Layer, error) { return nil, errUnread }
func (i configImage) LayerByDiffID(v1.Hash) (v1.Layer, error) { return nil, errUnread }

// check is Input.checkManifest without a manifest.
func (i configImage) check() error {
	if len(i.config) > maxManifest {
		return fmt.Errorf("its config has %d bytes, more than %d", len(i.config), maxManifest)
	}
	config, err := i.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading its config: %w", err)
	}
	if n := len(config.RootFS.DiffIDs); n > maxLayers {
		return fmt.Errorf("it has %d layers, more than %d", n, maxLayers)
	}
	return nil
}
