package layers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	mobyclient "github.com/moby/moby/client"
)

// openDocker opens an image of the Docker engine: where it is, if opt.Store is set, else by importing it. One that was imported before
// is not saved again. ErrNotFound when the engine does not have it.
func openDocker(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	info, err := opt.Docker.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("%s has no such image: %w", opt.engine(), ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", opt.engine(), err)
	}
	have := v1.Platform{OS: info.Os, Architecture: info.Architecture, Variant: info.Variant}
	several := opt.Store != nil && opt.Store.Blobs() // platforms under one name
	if info.Os != "" && !several && !fits(have, opt.platform()) {
		return nil, platformError([]v1.Platform{have}, opt.platform())
	}
	var in *Input
	if opt.Store != nil {
		in, err = storeImage(ctx, ref, info, opt)
	}
	if opt.Store == nil || several && errors.Is(err, ErrNoName) {
		in, err = savedImage(ctx, info, opt)
	}
	if err != nil {
		return nil, err
	}
	in.Kind = KindDocker
	if in.Repo, in.Tag = engineName(ref, info); in.Tag == "" && in.Repo != "" {
		in.Tag = "latest"
	}
	return in, nil
}

// openPodman imports an image of podman, whichever engine plain names mean.
func openPodman(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	if strings.HasPrefix(ref, "[") {
		return nil, errors.New("a name with a storage driver and its directory is not supported: give the image's name alone")
	}
	if !opt.InPodman {
		if opt.Podman == nil {
			return nil, errors.New("podman is not asked here")
		}
		podman, err := opt.Podman(ctx)
		if err != nil {
			return nil, err
		}
		defer podman.Close()
		opt.Docker, opt.InPodman = podman, true
	}
	opt.Store = nil
	return openDocker(ctx, ref, opt)
}

// engine is opt.Docker in messages.
func (o OpenOptions) engine() string {
	if o.InPodman {
		return "podman"
	}
	return "the Docker engine"
}

// savedImage finds the image under its recorded digest. Otherwise it reads the engine's directories, or makes the engine save the image.
func savedImage(ctx context.Context, info mobyclient.ImageInspectResult, opt OpenOptions) (*Input, error) {
	if opt.Cache == "" {
		return nil, ErrNoCache
	}
	store := blobStore{opt.Cache}
	id := info.ID + "-" + opt.platform().String()
	if digest, ok := store.recorded(id); ok {
		if in, err := store.use(digest); err == nil {
			return in, nil
		}
	}
	if in, err := diskImage(ctx, info, opt); err == nil {
		return in, store.record(id, in.Digest)
	} else if ctx.Err() != nil {
		return nil, err
	}
	opt.importing()
	stream, err := opt.Docker.ImageSave(ctx, []string{info.ID})
	if err != nil {
		return nil, fmt.Errorf("saving it from %s: %w", opt.engine(), err)
	}
	defer stream.Close()
	in, err := importArchive(ctx, stream, KindDocker, "", opt)
	if err != nil {
		return nil, fmt.Errorf("saving it from %s: %w", opt.engine(), err)
	}
	return in, store.record(id, in.Digest)
}

// engineName returns the name and tag of an engine's image: the requested ones, or its first tag if it was requested by its ID. Podman
// keeps images without a registry under localhost, and finds them by a name without it.
func engineName(ref string, info mobyclient.ImageInspectResult) (repo, tag string) {
	for _, name := range info.RepoTags {
		if rest, ok := strings.CutPrefix(name, "localhost/"); ok && (rest == ref || rest == ref+":latest") {
			return splitName(name)
		}
	}
	if !strings.HasPrefix(info.ID, ref) && !strings.HasPrefix(info.ID, "sha256:"+ref) {
		return splitName(ref)
	}
	if len(info.RepoTags) > 0 {
		return splitName(info.RepoTags[0])
	}
	return "", ""
}

// ErrNoCache is the error for an archive, or an image of the Docker engine, without OpenOptions.Cache.
var ErrNoCache = errors.New("there is no directory to import it into")
