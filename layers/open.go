package layers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	mobyclient "github.com/moby/moby/client"
)

// Kinds of inputs.
const (
	KindRegistry      = "registry"
	KindDocker        = "docker"
	KindPodman        = "containers-storage"
	KindDockerArchive = "docker-archive"
	KindOCI           = "oci"
	KindOCIArchive    = "oci-archive"
	KindStdin         = "stdin"
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
	Layout     string      // OCI layout directory that holds the image, "" of a registry's and where Local is set
	found      string      // the OCI layout that it was copied from, "" if it was not
	Local      string      // name under which the Docker engine's BuildKit finds the image in the engine's own store, "" elsewhere
	Digest     v1.Hash     // of the platform manifest; of the config in Docker's classic store, which has no manifests
	Platform   v1.Platform // of the config
	Repo, Tag  string      // for the name of the result; may be empty
	Image      v1.Image    // read lazily
	RepoDigest string      // digest the name stands for: of the index, where there is one
}

// OpenOptions configure where Open searches for images.
type OpenOptions struct {
	Platform *v1.Platform       // wanted; that of this machine under linux when nil
	Docker   *mobyclient.Client // the engine whose images plain names may mean; nil for none
	NoDocker error              // why there is no engine, where there should be one
	// Podman connects to podman, which "containers-storage:" means; nil for none.
	Podman   func(context.Context) (*mobyclient.Client, error)
	InPodman bool        // Docker is podman, by the API of Docker
	Store    DockerStore // the engine's store, to open its images in place instead of importing them; nil without
	Cache    string      // directory for images that come as archives or from the engine
	Stdin    io.Reader   // what "-" means
	Adopt    bool        // copies an image of an OCI layout into Cache too, verified: for an engine that takes images from there
	// Importing is called, where it is not nil, before an archive or an image of the engine is read as a whole.
	Importing func()
}

func (o OpenOptions) platform() v1.Platform {
	if o.Platform != nil {
		return *o.Platform
	}
	return v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
}

func (o OpenOptions) importing() {
	if o.Importing != nil {
		o.Importing()
	}
}

// Open opens an image: a registry reference; "docker:REF", or a plain reference that the Docker engine has; "containers-storage:REF" of
// podman; "docker-archive:FILE[:REF]", "oci:DIR[:REF]", "oci-archive:FILE[:REF]"; or "-", an archive of either kind on standard input.
// Archives may be gzipped. Of a registry's image, Open reads only manifest and config. It writes archives and the engine's images into an
// OCI layout below opt.Cache, and uses an OCI layout in place, unless opt.Adopt is set. It verifies manifest and config, but only the size
// of layers: BuildKit and NewIndex verify what they read. Errors satisfy errors.Is for ErrNotFound, ErrPlatform and ErrDigest.
func Open(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	in, err := open(ctx, ref, opt)
	if err == nil {
		in.Name = ref
		in.Repo, in.Tag = validName(in.Repo, in.Tag)
		err = in.check(opt)
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	return in, nil
}

func open(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	scheme, rest, ok := strings.Cut(ref, ":")
	switch {
	case ref == "":
		return nil, errors.New("it has no name")
	case ref == "-":
		return openStream(ctx, opt)
	case ok && scheme == KindDockerArchive, ok && scheme == KindOCIArchive:
		return openArchive(ctx, scheme, rest, opt)
	case ok && scheme == KindOCI:
		dir, tag := splitTag(rest)
		return openLayout(dir, tag, opt)
	case ok && scheme == KindDocker:
		if opt.Docker == nil {
			return nil, cmp.Or(opt.NoDocker, errors.New("no Docker engine answers"))
		}
		return openDocker(ctx, rest, opt)
	case ok && scheme == KindPodman:
		return openPodman(ctx, rest, opt)
	}
	if err := meantFile(ref); err != nil {
		return nil, err
	}
	if opt.Docker != nil {
		in, err := openDocker(ctx, ref, opt)
		if !errors.Is(err, ErrNotFound) && !(errors.Is(err, ErrPlatform) && opt.Platform != nil) {
			return in, err
		}
	}
	in, err := openRegistry(ctx, ref, opt)
	if err != nil && opt.NoDocker != nil {
		err = fmt.Errorf("%w; and %w", err, opt.NoDocker)
	}
	return in, err
}

// Is reports whether a digest is one of the image's: of its manifest, or of its config, by which Docker's classic store knows it.
func (in *Input) Is(digest string) bool {
	if in.Digest.String() == digest {
		return true
	}
	config, err := in.Image.ConfigName()
	return err == nil && config.String() == digest
}

// meantFile returns an error with the correct spelling if a reference without a scheme is the name of a file.
func meantFile(ref string) error {
	info, err := os.Stat(ref)
	if err != nil || !strings.ContainsAny(ref, "/.") {
		return nil
	}
	if info.IsDir() {
		return fmt.Errorf("it is a directory: did you mean oci:%s?", ref)
	}
	return fmt.Errorf("it is a file: did you mean docker-archive:%s or oci-archive:%s?", ref, ref)
}

// splitTag separates "FILE:REF". Names and references may have colons, so the longest name that exists wins.
func splitTag(s string) (file, tag string) {
	for i := len(s); i > 0; i = strings.LastIndexByte(s[:i], ':') {
		if _, err := os.Stat(s[:i]); err == nil {
			return s[:i], strings.TrimPrefix(s[i:], ":")
		}
	}
	return s, ""
}

// maxManifest bounds manifests and configs, in bytes: registries take no more than 4 MiB of a manifest (distribution-spec).
const maxManifest = 4 << 20

// maxLayers bounds the layers of an image; overlayfs takes about 500 (fs/overlayfs, OVL_MAX_STACK).
const maxLayers = 500

// check reads manifest and config, bounded, and compares the platform.
func (in *Input) check(opt OpenOptions) (err error) {
	if config, ok := in.Image.(configImage); ok {
		err = config.check()
	} else {
		err = in.checkManifest()
	}
	if err != nil {
		return err
	}
	if in.Platform, err = in.platform(); err != nil {
		return err
	}
	if want := opt.platform(); !fits(in.Platform, want) {
		return platformError([]v1.Platform{in.Platform}, want)
	}
	return nil
}

func (in *Input) checkManifest() error {
	raw, err := in.Image.RawManifest()
	if err == nil {
		err = isImage(raw)
	}
	if err != nil {
		return fmt.Errorf("reading its manifest: %w", err)
	}
	manifest, err := in.Image.Manifest()
	if err != nil {
		return fmt.Errorf("reading its manifest: %w", err)
	}
	if manifest.Config.Size > maxManifest {
		return fmt.Errorf("its config has %d bytes, more than %d", manifest.Config.Size, maxManifest)
	}
	if len(manifest.Layers) > maxLayers {
		return fmt.Errorf("it has %d layers, more than %d", len(manifest.Layers), maxLayers)
	}
	return nil
}
