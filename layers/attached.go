package layers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Annotations of attached manifests: BuildKit's (docs/attestations/attestation-storage.md), cosign's and those of Sigstore's bundles.
const (
	referenceDigest = "vnd.docker.reference.digest"
	buildkitType    = "in-toto.io/predicate-type"
	cosignType      = "predicateType"
	bundleType      = "dev.sigstore.bundle.predicateType"
	bundleContent   = "dev.sigstore.bundle.content"
	cosignSignature = "https://sigstore.dev/cosign/sign/v1" // predicate of a signature that is an attestation
)

// Attached lists the attestations and signatures attached to an image. None of them has been verified.
type Attached struct {
	Predicates []string // types of in-toto predicates, sorted
	Signed     bool     // it has a signature
}

// shelf is the place that stores the manifests attached to an image.
type shelf interface {
	manifest(digest v1.Hash) ([]byte, error)           // ErrNotFound when it is not there
	tagged(tag string) ([]byte, error)                 // likewise
	referrers(digest v1.Hash) ([]v1.Descriptor, error) // manifests whose subject it is
}

// Attachments lists the manifests attached to an image of a registry or an OCI layout: BuildKit's attestation manifests, cosign's tags
// and referrers, of the image itself and of the index it was found in. For other kinds of images it returns an error that explains why
// the attachments are not known.
func Attachments(ctx context.Context, in *Input) (*Attached, error) {
	var place shelf
	switch in.Kind {
	case KindRegistry:
		ref, err := name.NewDigest(in.Ref)
		if err != nil {
			return nil, err
		}
		place = registryShelf{ref.Context(), RemoteOptions(ctx)}
	case KindOCI:
		place = layoutShelf{blobStore{cmp.Or(in.found, in.Layout)}}
	case KindDocker:
		return nil, errors.New("Docker does not tell what is attached to its images")
	default:
		return nil, errors.New("what is attached is not read from an archive: unpack it and pass oci:DIR")
	}
	found, err := attachedTo(place, in)
	if err != nil {
		return nil, fmt.Errorf("what is attached cannot be read: %w", err)
	}
	return found, nil
}

func attachedTo(place shelf, in *Input) (*Attached, error) {
	found := &Attached{}
	digests := []v1.Hash{in.Digest}
	if top, err := v1.NewHash(in.RepoDigest); err == nil && top != in.Digest {
		digests = append(digests, top)
		if err := found.addIndex(place, top, in.Digest); err != nil {
			return nil, err
		}
	}
	for _, digest := range digests {
		if err := found.addTags(place, digest); err != nil {
			return nil, err
		}
		list, err := place.referrers(digest)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			found.add(d.Annotations[bundleType])
			found.Signed = found.Signed || d.Annotations[bundleContent] == "message-signature"
		}
	}
	slices.Sort(found.Predicates)
	found.Predicates = slices.Compact(found.Predicates)
	return found, nil
}

func (a *Attached) add(predicate string) {
	if predicate == cosignSignature {
		a.Signed = true
	} else if predicate != "" && len(a.Predicates) < defaultLimits.manifests {
		a.Predicates = append(a.Predicates, predicate)
	}
}

// addIndex reads the attestation manifests beside an image in its index.
func (a *Attached) addIndex(place shelf, top, image v1.Hash) error {
	data, err := place.manifest(top)
	if err != nil {
		return err
	}
	index, err := ParseIndex(data)
	if err != nil {
		return err
	}
	for _, d := range index.Manifests {
		if !IsAttestation(d) || d.Annotations[referenceDigest] != image.String() {
			continue
		}
		data, err := place.manifest(d.Digest)
		if err != nil {
			return err
		}
		if err := a.addLayers(data, buildkitType); err != nil {
			return err
		}
	}
	return nil
}

// addTags reads cosign's tags.
func (a *Attached) addTags(place shelf, digest v1.Hash) error {
	tag := digest.Algorithm + "-" + digest.Hex
	if _, err := place.tagged(tag + ".sig"); err == nil {
		a.Signed = true
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	data, err := place.tagged(tag + ".att")
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.addLayers(data, cosignType)
}

// addLayers reads the types that the layers of an attestation's manifest are annotated with.
func (a *Attached) addLayers(manifest []byte, key string) error {
	var m v1.Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return err
	}
	for _, layer := range m.Layers {
		a.add(layer.Annotations[key])
	}
	return nil
}

// registryShelf is a repository of a registry.
type registryShelf struct {
	repo name.Repository
	opt  []remote.Option
}

func (s registryShelf) manifest(digest v1.Hash) ([]byte, error) {
	return s.get(s.repo.Digest(digest.String()))
}

func (s registryShelf) tagged(tag string) ([]byte, error) { return s.get(s.repo.Tag(tag)) }

func (s registryShelf) get(ref name.Reference) ([]byte, error) {
	desc, err := remote.Get(ref, s.opt...)
	if err != nil {
		return nil, registryError(err)
	}
	return desc.Manifest, nil
}

func (s registryShelf) referrers(digest v1.Hash) ([]v1.Descriptor, error) {
	index, err := remote.Referrers(s.repo.Digest(digest.String()), s.opt...)
	if err != nil {
		return nil, registryError(err)
	}
	data, err := index.RawManifest()
	if err != nil {
		return nil, err
	}
	manifest, err := ParseIndex(data)
	if err != nil {
		return nil, err
	}
	return manifest.Manifests, nil
}

// layoutShelf is an OCI layout directory.
type layoutShelf struct{ store blobStore }

func (s layoutShelf) manifest(digest v1.Hash) ([]byte, error) { return s.store.small(digest) }

func (s layoutShelf) top() ([]v1.Descriptor, error) {
	index, err := LayoutIndex(s.store.dir)
	if err != nil {
		return nil, err
	}
	return index.Manifests, nil
}

// tagged finds a tag, which may be the end of a whole name.
func (s layoutShelf) tagged(tag string) ([]byte, error) {
	list, err := s.top()
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		for _, have := range []string{d.Annotations[refName], d.Annotations[fullName]} {
			if have == tag || strings.HasSuffix(have, ":"+tag) {
				return s.store.small(d.Digest)
			}
		}
	}
	return nil, ErrNotFound
}

// referrers reads every manifest in the layout's index except image indexes.
func (s layoutShelf) referrers(digest v1.Hash) ([]v1.Descriptor, error) {
	list, err := s.top()
	if err != nil {
		return nil, err
	}
	var found []v1.Descriptor
	for _, d := range list {
		if d.MediaType.IsIndex() {
			continue
		}
		data, err := s.store.small(d.Digest)
		if err != nil {
			return nil, err
		}
		var m v1.Manifest
		if json.Unmarshal(data, &m) == nil && m.Subject != nil && m.Subject.Digest == digest {
			if d.Annotations == nil {
				d.Annotations = m.Annotations
			}
			found = append(found, d)
		}
	}
	return found, nil
}
