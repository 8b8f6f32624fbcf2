package layers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// openRegistry asks the registry for the manifest of the platform; the config is read by check, layers only when asked for.
func openRegistry(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	want := opt.platform()
	desc, err := remote.Get(parsed, append(RemoteOptions(ctx), remote.WithPlatform(want))...)
	if err != nil {
		return nil, registryError(err)
	}
	img, err := platformImage(desc, want)
	if err != nil {
		return nil, registryError(err)
	}
	digest, err := img.Digest()
	if err != nil {
		return nil, registryError(err)
	}
	in := &Input{Kind: KindRegistry, Ref: parsed.Context().Name() + "@" + digest.String(), Digest: digest, Repo: shortName(ref), Image: img,
		RepoDigest: desc.Digest.String()}
	if tag, ok := parsed.(name.Tag); ok {
		in.Tag = tag.TagStr()
	}
	return in, nil
}

// platformImage resolves the manifest of a reference to the image of a platform.
func platformImage(desc *remote.Descriptor, want v1.Platform) (v1.Image, error) {
	if !desc.MediaType.IsIndex() {
		return desc.Image()
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, err
	}
	s := &remoteSearch{want: want}
	return s.image(index, 0)
}

// remoteSearch searches the indexes of a registry for the image of a platform.
type remoteSearch struct {
	want v1.Platform
	seen int // manifests listed by the indexes so far
}

func (s *remoteSearch) image(index v1.ImageIndex, depth int) (v1.Image, error) {
	raw, err := index.RawManifest()
	if err != nil {
		return nil, err
	}
	manifest, err := ParseIndex(raw)
	if err != nil {
		return nil, fmt.Errorf("reading its index: %w", err)
	}
	if s.seen += len(manifest.Manifests); depth > maxDepth || s.seen > defaultLimits.manifests {
		return nil, errNested
	}
	var have []v1.Platform
	for _, d := range Images(manifest) {
		switch {
		case d.MediaType.IsIndex():
			nested, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			if img, err := s.image(nested, depth+1); !errors.Is(err, ErrPlatform) {
				return img, err
			}
		case d.Platform == nil || fits(*d.Platform, s.want):
			return index.Image(d.Digest)
		default:
			have = append(have, *d.Platform)
		}
	}
	return nil, platformError(have, s.want)
}

// registryError describes a registry's answer in one line.
func registryError(err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusNotFound:
			return fmt.Errorf("the registry has no such image: %w", ErrNotFound)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("the registry refuses access (%d): log in with docker login, or there is no such image", answer.StatusCode)
		}
	}
	if errors.Is(err, errTooLarge) {
		return fmt.Errorf("an answer of the registry has more than %d bytes", maxManifest)
	}
	for _, own := range []error{errRedirects, errSlow} {
		if errors.Is(err, own) {
			return own
		}
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Errorf("the registry %q cannot be reached: %w", dns.Name, err)
	}
	return err
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// validName returns a name and a tag that a reference can have, near to those given: an archive may claim any text, and the name of a
// directory may be any. Both are written into files that others read line by line.
func validName(repo, tag string) (string, string) {
	if _, err := reference.ParseNormalizedNamed("a:" + tag); err != nil {
		tag = ""
	}
	if _, err := reference.ParseNormalizedNamed(repo); repo != "" && err != nil {
		if repo = strings.Trim(notInName.ReplaceAllString(strings.ToLower(path.Base(repo)), "-"), "-"); repo == "" {
			repo = "image"
		}
	}
	return repo, tag
}

// shortName is the name of a reference as it was written, without tag and digest.
func shortName(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		ref = ref[:i]
	}
	return ref
}
