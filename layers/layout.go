package layers

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/layers/infile"
)

// Annotations of an OCI layout's index.
const (
	refName  = "org.opencontainers.image.ref.name" // image-spec, annotations.md
	fullName = "io.containerd.image.name"          // what containerd and BuildKit write beside it: the whole reference
)

// maxDepth bounds indexes within indexes.
const maxDepth = 4

var errNested = fmt.Errorf("its indexes are nested more than %d deep or list more than %d manifests", maxDepth, defaultLimits.manifests)

// openLayout opens an OCI layout directory in place. tag may be empty where there is only one image.
func openLayout(dir, tag string, opt OpenOptions) (*Input, error) {
	data, err := readSmall(filepath.Join(dir, "index.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no OCI layout: it has no index.json: %w", dir, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	in, err := openIndex(blobStore{dir}, data, tag, opt)
	if err != nil {
		return nil, err
	}
	in.Kind = KindOCI
	if in.Repo == "" {
		in.Repo = strings.ToLower(strings.TrimLeft(filepath.Base(filepath.Clean(dir)), "._-"))
	}
	if opt.Adopt && opt.Cache != "" {
		return adopted(in, opt)
	}
	return in, nil
}

// adopted copies an image of an OCI layout into opt.Cache, unless it is there. Each blob is hashed while it and the next ones are copied.
func adopted(in *Input, opt OpenOptions) (*Input, error) {
	own, err := blobStore{opt.Cache}.use(in.Digest)
	if err != nil {
		own, err = importFrom(opt, KindOCI, func(a *archive) (*Input, error) { return in, a.takeBlobs(in) })
	}
	if err != nil {
		return nil, err
	}
	own.Kind, own.Repo, own.Tag, own.RepoDigest, own.found = in.Kind, in.Repo, in.Tag, in.RepoDigest, in.Layout
	return own, nil
}

// takeBlobs copies the blobs of an image of another layout into the store of an import.
func (a *archive) takeBlobs(in *Input) error {
	manifest, err := in.Image.Manifest()
	if err != nil {
		return err
	}
	size, err := in.Image.Size()
	if err != nil {
		return err
	}
	a.hashing.SetLimit(parallel())
	for _, d := range append([]v1.Descriptor{{Digest: in.Digest, Size: size}, manifest.Config}, manifest.Layers...) {
		if err = a.takeBlob(in.Layout, d); err != nil {
			break
		}
	}
	return cmp.Or(err, a.hashing.Wait())
}

func (a *archive) takeBlob(dir string, want v1.Descriptor) error {
	f, err := infile.OpenRegular(blobPath(dir, want.Digest))
	if err != nil {
		return err
	}
	defer f.Close()
	copied := func(w io.Writer) error { return copyExactly(w, f, want.Size) }
	return a.take(want.Digest.String(), copied, func(got v1.Descriptor, err error) error {
		if err == nil && got.Digest != want.Digest {
			err = fmt.Errorf("%w: the image is damaged: blob %s has bytes of another digest (%s): pull or save it again",
				ErrDigest, want.Digest, got.Digest)
		}
		return err
	})
}

// openIndex opens the image of store that index (an index.json) names.
func openIndex(store blobStore, index []byte, tag string, opt OpenOptions) (*Input, error) {
	parsed, err := ParseIndex(index)
	if err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	named, err := named(parsed, tag)
	if err != nil {
		return nil, err
	}
	s := search{store: store, want: opt.platform()}
	for _, d := range named {
		if err := s.visit(d, d, 0); err != nil {
			return nil, err
		}
	}
	found, err := s.result()
	if err != nil {
		return nil, err
	}
	in, err := store.open(found.leaf.Digest)
	if err != nil {
		return nil, err
	}
	in.RepoDigest = found.top.Digest.String()
	in.Repo, in.Tag = annotatedName(found.top.Annotations)
	return in, nil
}

// named returns the descriptors that match tag, or all if tag is empty. tag may also be a whole reference or a digest.
func named(index *v1.IndexManifest, tag string) ([]v1.Descriptor, error) {
	var found []v1.Descriptor
	images := Images(index)
	for _, d := range images {
		if tag == "" || slices.Contains([]string{d.Annotations[refName], d.Annotations[fullName], d.Digest.String()}, tag) {
			found = append(found, d)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case len(images) == 0:
		return nil, fmt.Errorf("there is no image in it: %w", ErrNotFound)
	}
	return nil, fmt.Errorf("there is no image %q in it, only %s: %w", tag, listNames(images), ErrNotFound)
}

// LayoutDigest is the digest of an image, or of its index of platforms, that the index.json of a layout names: by digest, by tag, as the
// only one, or as the one with the tag latest.
func LayoutDigest(dir, digest, tag string) (string, error) {
	index, err := LayoutIndex(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is no OCI layout: it has no index.json: %w", dir, ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	found, err := named(index, cmp.Or(digest, tag))
	if err == nil && len(found) > 1 && digest == "" && tag == "" {
		found, err = named(index, "latest")
	}
	if err != nil {
		return "", err
	}
	for _, d := range found {
		if d.Digest != found[0].Digest {
			return "", fmt.Errorf("several images in it have this name: %s", listNames(found))
		}
	}
	return found[0].Digest.String(), nil
}

func listNames(list []v1.Descriptor) string {
	var names []string
	for _, d := range list {
		name := d.Annotations[refName]
		if name == "" {
			name = d.Digest.String()
		}
		if !slices.Contains(names, name) && len(names) < 20 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// annotatedName returns the name and tag from an image's annotations; both may be empty.
func annotatedName(annotations map[string]string) (repo, tag string) {
	if full := annotations[fullName]; full != "" {
		return splitName(full)
	}
	if ref := annotations[refName]; strings.ContainsAny(ref, "/:") {
		return splitName(ref)
	}
	return "", annotations[refName]
}

// splitName separates a reference into its name as written and its tag.
func splitName(ref string) (repo, tag string) {
	repo = shortName(ref)
	rest, _, _ := strings.Cut(ref, "@")
	return repo, strings.TrimPrefix(strings.TrimPrefix(rest, repo), ":")
}

// search collects the images of a platform below some descriptors.
type search struct {
	store blobStore
	want  v1.Platform
	found []match
	have  []v1.Platform // of those that do not fit
	seen  int
}

// match is the manifest of an image and the descriptor of the layout's index that led to it.
type match struct{ leaf, top v1.Descriptor }

func (s *search) visit(d, top v1.Descriptor, depth int) error {
	if s.seen++; depth > maxDepth || s.seen > defaultLimits.manifests {
		return errNested
	}
	if d.MediaType.IsIndex() {
		data, err := s.store.small(d.Digest)
		if err != nil {
			return err
		}
		index, err := ParseIndex(data)
		if err != nil {
			return fmt.Errorf("reading index %s: %w", d.Digest, err)
		}
		for _, child := range Images(index) {
			if err := s.visit(child, top, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	have, err := s.platform(d)
	switch {
	case errors.Is(err, ErrNotFound) && top.Digest != d.Digest:
		return nil // engines and mirrors leave out the platforms that they have not pulled
	case err != nil:
		return err
	case fits(have, s.want):
		s.found = append(s.found, match{d, top})
	default:
		s.have = append(s.have, have)
	}
	return nil
}

// platform returns the platform from the descriptor, or else from the image's config.
func (s *search) platform(d v1.Descriptor) (v1.Platform, error) {
	if d.Platform != nil && d.Platform.OS != "" {
		return *d.Platform, nil
	}
	in, err := s.store.open(d.Digest)
	if err != nil {
		return v1.Platform{}, err
	}
	return in.platform()
}

// result is the one image that was found.
func (s *search) result() (match, error) {
	if len(s.found) == 0 {
		return match{}, platformError(s.have, s.want)
	}
	first := s.found[0]
	for _, other := range s.found[1:] {
		if other.leaf.Digest != first.leaf.Digest && other.top.Digest != first.top.Digest {
			tops := make([]v1.Descriptor, len(s.found))
			for i := range s.found {
				tops[i] = s.found[i].top
			}
			return match{}, fmt.Errorf("there are several images in it: name one of %s after a colon", listNames(tops))
		}
	}
	return first, nil
}
