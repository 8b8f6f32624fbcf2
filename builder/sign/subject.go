package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slimimage/slim/layers"
)

// referenceDigest is the annotation of BuildKit's attestation manifests with the digest of the manifest that they are about
// (moby/buildkit, docs/attestations/attestation-storage.md).
const referenceDigest = "vnd.docker.reference.digest"

// maxDepth bounds indexes within indexes.
const maxDepth = 4

// subject is a manifest that is signed.
type subject struct {
	digest      v1.Hash
	media       types.MediaType
	size        int64
	platform    string // "linux/amd64"; "" of an index
	manifest    *v1.Manifest
	annotations map[string]string
	attached    []attached // what BuildKit says about it, unsigned; of an index, about all below it
}

// attached is a statement of BuildKit.
type attached struct {
	Predicate
	blob v1.Hash // that holds it
}

// choose leaves the subjects only the statements that names lists, by predicate type or by digest. It returns a line for each of the
// others, and an error for a name that is not there.
func choose(list []*subject, names []string) (others []string, err error) {
	there := map[string]bool{}
	for _, s := range list {
		s.attached = slices.DeleteFunc(s.attached, func(a attached) bool {
			there[a.Type], there[a.blob.String()] = true, true
			if slices.Contains(names, a.Type) || slices.Contains(names, a.blob.String()) {
				return false
			}
			others = append(others, fmt.Sprintf("not signed, because nothing names it (--attached): the statement %s of type %s", a.blob, a.Type))
			return true
		})
	}
	for _, name := range names {
		if !there[name] {
			return nil, fmt.Errorf("its index has no statement %s", name)
		}
	}
	slices.Sort(others) // the index and its platform share a statement
	return slices.Compact(others), nil
}

// label is the name of a subject in messages.
func (s *subject) label() string {
	switch {
	case s.manifest == nil:
		return "the index"
	case s.platform == "":
		return "the image"
	}
	return s.platform
}

// subjects reads the manifest that ref names and those of its platforms, and where asked to what BuildKit says about them; the first is
// the one that ref names.
func subjects(ctx context.Context, st store, ref string, statements bool) ([]*subject, error) {
	w := walk{ctx: ctx, store: st, statements: statements}
	if err := w.visit(ref, v1.Descriptor{}, 0); err != nil {
		return nil, err
	}
	return w.found, nil
}

type walk struct {
	ctx   context.Context
	store store
	found []*subject

	statements bool  // read those of BuildKit
	size       int64 // bytes of those that were read
}

// visit reads the manifest that ref names; listed describes it where an index lists it.
func (w *walk) visit(ref string, listed v1.Descriptor, depth int) error {
	data, err := w.store.manifest(w.ctx, ref)
	if err != nil {
		return err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return err
	}
	var head struct {
		MediaType   types.MediaType   `json:"mediaType"`
		Annotations map[string]string `json:"annotations"`
	}
	isIndex, err := layers.IsIndex(data, listed.MediaType)
	if err == nil {
		err = json.Unmarshal(data, &head)
	}
	if err != nil {
		return fmt.Errorf("manifest %s: %w", digest, err)
	}
	s := &subject{digest: digest, media: head.MediaType, size: size, annotations: head.Annotations}
	if listed.Platform != nil {
		s.platform = listed.Platform.String()
	}
	if slices.ContainsFunc(w.found, func(have *subject) bool { return have.digest == digest }) {
		return nil
	}
	w.found = append(w.found, s)
	if isIndex {
		if s.media == "" {
			s.media = types.OCIImageIndex
		}
		return w.children(s, data, depth)
	}
	if s.media == "" {
		s.media = types.OCIManifestSchema1
	}
	s.manifest = &v1.Manifest{}
	if err := json.Unmarshal(data, s.manifest); err != nil {
		return fmt.Errorf("manifest %s: %w", digest, err)
	}
	if len(s.manifest.Layers) > maxListed {
		return fmt.Errorf("manifest %s has more than %d layers", digest, maxListed)
	}
	return nil
}

// children visits the images of an index, and gives each what BuildKit says about it. An index without an image is an error: nothing
// would be signed or verified.
func (w *walk) children(top *subject, data []byte, depth int) error {
	index, err := layers.ParseIndex(data)
	if err != nil {
		return fmt.Errorf("index %s: %w", top.digest, err)
	}
	if depth > maxDepth || len(index.Manifests)+len(w.found) > maxListed {
		return fmt.Errorf("index %s: indexes are nested more than %d deep or list more than %d manifests", top.digest, maxDepth, maxListed)
	}
	images := layers.Images(index)
	if len(images) == 0 {
		return fmt.Errorf("index %s lists no image", top.digest)
	}
	for _, d := range images {
		if err := w.visit(d.Digest.String(), d, depth+1); err != nil {
			return fmt.Errorf("%s of index %s: %w", d.Digest, top.digest, err)
		}
	}
	if !w.statements {
		return nil
	}
	return w.statementsOf(top, index)
}

// statementsOf reads the attestation manifests of an index and gives each of its images what they say about it.
func (w *walk) statementsOf(top *subject, index *v1.IndexManifest) error {
	for _, d := range index.Manifests {
		if !layers.IsAttestation(d) {
			continue
		}
		for _, s := range w.found {
			if s.digest.String() != d.Annotations[referenceDigest] {
				continue
			}
			list, err := w.attached(d.Digest, s)
			if err != nil {
				return fmt.Errorf("attestations of %s: %w", s.label(), err)
			}
			s.attached = append(s.attached, list...)
			top.attached = append(top.attached, list...)
		}
	}
	return nil
}

// attached reads an attestation manifest of BuildKit. Its statements must be about the manifest that it refers to.
func (w *walk) attached(digest v1.Hash, s *subject) ([]attached, error) {
	data, err := w.store.manifest(w.ctx, digest.String())
	if err != nil {
		return nil, err
	}
	var manifest v1.Manifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, err
	}
	if len(manifest.Layers) > maxListed {
		return nil, fmt.Errorf("there are more than %d", maxListed)
	}
	var list []attached
	for _, d := range manifest.Layers {
		if d.MediaType != payloadInToto {
			continue
		}
		if w.size += max(0, d.Size); w.size > maxTogether {
			return nil, fmt.Errorf("there are more than %d bytes of them", maxTogether)
		}
		data, err := readBlob(w.ctx, w.store, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Digest, err)
		}
		var said statement
		if err := json.Unmarshal(data, &said); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Digest, err)
		}
		if !said.about(s.digest) {
			return nil, fmt.Errorf("%s (%s) is about %s", d.Digest, said.PredicateType, said.subjects())
		}
		list = append(list, attached{Predicate{said.PredicateType, said.Predicate}, d.Digest})
	}
	return list, nil
}

// readBlob reads a blob of bounded size into memory.
func readBlob(ctx context.Context, st store, d v1.Descriptor) ([]byte, error) {
	if d.Size > maxBlob {
		return nil, fmt.Errorf("%w: it has %d bytes, and the bound is %d", errLarge, d.Size, maxBlob)
	}
	var buf bytes.Buffer
	err := checkBlob(ctx, st, d, &buf)
	return buf.Bytes(), err
}
