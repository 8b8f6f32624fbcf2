package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	mobyclient "github.com/moby/moby/client"
)

// Kinds of inputs.
const (
	KindRegistry      = "registry"
	KindDocker        = "docker"
	KindDockerArchive = "docker-archive"
	KindOCI           = "oci"
	KindOCIArchive    = "oci-archive"
)

var (
	// ErrNotFound is returned by Open when there is no such image or file.
	ErrNotFound = errors.New("not found")
	// ErrPlatform is returned by Open when the image is not there for the platform.
	ErrPlatform = errors.New("no image for the platform")
)

// Input is an image that exists, resolved to a digest.
type Input struct {
	Name       string      // as the user wrote it
	Kind       string      // one of the Kind constants
	Ref        string      // NAME@sha256:... of a registry's image, "" of others
	Layout     string      // OCI layout directory that holds the image, of all kinds but registry
	Digest     v1.Hash     // of the platform manifest
	Platform   v1.Platform // of the config
	Repo, Tag  string      // for the name of the result; may be empty
	Image      v1.Image    // read lazily
	RepoDigest string      // digest the name stands for: of the index, where there is one
}

// OpenOptions says where to look.
type OpenOptions struct {
	Platform *v1.Platform       // wanted; that of this machine under linux when nil
	Docker   *mobyclient.Client // the engine whose images plain names may mean; nil for none
	Cache    string             // directory for images that come as archives or from the engine
	Stdin    io.Reader          // what "-" means
}

func (o OpenOptions) platform() v1.Platform {
	if o.Platform != nil {
		return *o.Platform
	}
	return v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
}

// Open opens an image: a registry reference; "docker:REF", or a plain reference that the Docker engine has; "docker-archive:FILE",
// "oci:DIR[:REF]", "oci-archive:FILE[:REF]"; or "-", an archive of either kind on standard input. Only manifest and config are
// read of a registry's image; archives and the engine's images are written into an OCI layout below opt.Cache.
// Errors satisfy errors.Is for ErrNotFound and ErrPlatform where they mean that.
func Open(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	in, err := open(ctx, ref, opt)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	in.Name = ref
	return in, in.check(opt)
}

func open(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	scheme, rest, ok := strings.Cut(ref, ":")
	switch {
	case ref == "":
		return nil, errors.New("it has no name")
	case ref == "-":
		return openStream(ctx, opt.Stdin, opt)
	case ok && scheme == KindDockerArchive, ok && scheme == KindOCIArchive:
		return openArchive(ctx, scheme, rest, opt)
	case ok && scheme == KindOCI:
		dir, tag := splitTag(rest)
		return openLayout(dir, tag, opt)
	case ok && scheme == KindDocker:
		if opt.Docker == nil {
			return nil, errors.New("no Docker engine answers")
		}
		return openDocker(ctx, rest, opt)
	}
	if _, err := os.Stat(ref); err == nil && strings.ContainsAny(ref, "/.") {
		return nil, fmt.Errorf("it is a file: did you mean oci:%s, oci-archive:%s or docker-archive:%s?", ref, ref, ref)
	}
	if opt.Docker != nil {
		in, err := openDocker(ctx, ref, opt)
		if !errors.Is(err, ErrNotFound) {
			return in, err
		}
	}
	return openRegistry(ctx, ref, opt)
}

// splitTag separates "DIR:REF". A directory may have colons in its name, so the whole is tried first.
func splitTag(s string) (dir, tag string) {
	if _, err := os.Stat(s); err == nil {
		return s, ""
	}
	if i := strings.LastIndexByte(s, ':'); i > 0 && !strings.Contains(s[i:], "/") {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// maxManifest bounds manifests and configs, in bytes: registries take no more than 4 MiB of a manifest (distribution-spec).
const maxManifest = 4 << 20

// maxLayers bounds the layers of an image; overlayfs takes about 500 (fs/overlayfs, OVL_MAX_STACK).
const maxLayers = 500

// check reads manifest and config, bounded, and compares the platform.
func (in *Input) check(opt OpenOptions) error {
	fail := func(err error) error { return fmt.Errorf("image %s: %w", in.Name, err) }
	manifest, err := in.Image.Manifest()
	if err != nil {
		return fail(err)
	}
	if manifest.Config.Size > maxManifest {
		return fail(fmt.Errorf("its config has %d bytes, more than %d", manifest.Config.Size, maxManifest))
	}
	if len(manifest.Layers) > maxLayers {
		return fail(fmt.Errorf("it has %d layers, more than %d", len(manifest.Layers), maxLayers))
	}
	config, err := in.Image.ConfigFile()
	if err != nil {
		return fail(fmt.Errorf("reading its config: %w", err))
	}
	in.Platform = v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	if in.Platform.OS == "" {
		in.Platform.OS = "linux"
	}
	want := opt.platform()
	if in.Platform.OS != want.OS || in.Platform.Architecture != want.Architecture {
		return fail(fmt.Errorf("it is for %s, not for %s: %w", in.Platform.String(), want.String(), ErrPlatform))
	}
	return nil
}

func openRegistry(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	want := opt.platform()
	desc, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(want))
	if err != nil {
		return nil, registryError(err)
	}
	if desc.Size > maxManifest {
		return nil, fmt.Errorf("its manifest has %d bytes, more than %d", desc.Size, maxManifest)
	}
	if desc.MediaType.IsIndex() {
		index, err := desc.ImageIndex()
		if err != nil {
			return nil, err
		}
		if _, err := choose(index, want); err != nil {
			return nil, err
		}
	}
	img, err := desc.Image()
	if err != nil {
		return nil, registryError(err)
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	in := &Input{Kind: KindRegistry, Ref: parsed.Context().Name() + "@" + digest.String(), Digest: digest, Repo: shortName(ref), Image: img, RepoDigest: desc.Digest.String()}
	if tag, ok := parsed.(name.Tag); ok {
		in.Tag = tag.TagStr()
	}
	return in, nil
}

// shortName is the name of a reference as it was written, without tag and digest.
func shortName(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		ref = ref[:i]
	}
	return ref
}

// choose picks the manifest of a platform from an index and says what there is when none fits.
func choose(index v1.ImageIndex, want v1.Platform) (v1.Descriptor, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	var have []string
	for _, d := range manifest.Manifests {
		if d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
			continue
		}
		if d.Platform == nil || d.Platform.Satisfies(want) {
			return d, nil
		}
		have = append(have, d.Platform.String())
	}
	return v1.Descriptor{}, fmt.Errorf("it is for %s, not for %s: %w", strings.Join(have, ", "), want.String(), ErrPlatform)
}
