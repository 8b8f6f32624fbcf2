package sign

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slimimage/slim/layers"
)

// writer writes what belongs to one subject.
type writer struct {
	registry
	subject *subject
	opt     Options
	signed  *Signed
}

// note records an item; it reports whether the item exists already, by the same key.
func (w *writer) note(i item, format string, there []found) bool {
	have := false
	for n := range there {
		f := &there[n]
		if kind, _ := w.opt.Key.Public.judge(f, w.subject); kind == "" && bytes.Equal(f.payload, i.payload) {
			have = true
			break
		}
	}
	w.signed.Written = append(w.signed.Written, Written{Subject: w.subject.digest.String(), Platform: w.subject.platform, Type: i.name(),
		Format: format, New: !have})
	return have
}

// legacy appends to one of cosign's tags.
func (w *writer) legacy(ctx context.Context, items []item, signatures bool) error {
	suffix := ".att"
	if signatures {
		suffix = ".sig"
	}
	there, err := legacy(ctx, w.registry, w.subject, suffix)
	if err != nil {
		return err
	}
	var added []mutate.Addendum
	for _, i := range items {
		if w.note(i, FormatLegacy, there) {
			continue
		}
		layer, err := w.layer(ctx, i)
		if err != nil {
			return err
		}
		added = append(added, layer)
	}
	if len(added) == 0 {
		return nil
	}
	tag := w.repo.Tag(tagOf(w.subject.digest, suffix))
	image, err := w.tagged(ctx, tag.TagStr())
	if err != nil {
		return fmt.Errorf("reading %s: %w", tag, err)
	}
	if image, err = mutate.Append(image, added...); err != nil {
		return err
	}
	if err := remote.Write(tag, image, w.with(ctx)...); err != nil {
		return fmt.Errorf("writing %s: %w", tag, layers.RegistryError(err))
	}
	return nil
}

// layer is one signature or envelope as cosign stores it.
func (w *writer) layer(ctx context.Context, i item) (mutate.Addendum, error) {
	annotations := map[string]string{annotationKey: w.opt.Key.Public.ID(), annotationPayload: payloadDigest(i.payload)}
	if i.kind == predicateSigned {
		signature, err := w.opt.Key.Sign(ctx, i.payload)
		if err != nil {
			return mutate.Addendum{}, err
		}
		annotations[annotationSignature] = base64.StdEncoding.EncodeToString(signature)
		return mutate.Addendum{Layer: static.NewLayer(i.payload, mediaSimple), Annotations: annotations, MediaType: mediaSimple}, nil
	}
	envelope, err := envelopeOf(ctx, w.opt.Key, i.payload)
	if err != nil {
		return mutate.Addendum{}, err
	}
	data, err := json.Marshal(envelope)
	if err != nil {
		return mutate.Addendum{}, err
	}
	annotations[annotationSignature], annotations[annotationPredicate] = "", i.kind // cosign reads the first of every layer
	return mutate.Addendum{Layer: static.NewLayer(data, mediaEnvelope), Annotations: annotations, MediaType: mediaEnvelope}, nil
}

// tagged is the image of a tag to append to, an empty one where there is none.
func (w *writer) tagged(ctx context.Context, tag string) (v1.Image, error) {
	image, err := remote.Image(w.repo.Tag(tag), w.with(ctx)...)
	if err = layers.RegistryError(err); errors.Is(err, layers.ErrNotFound) {
		return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), nil
	}
	if err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err == nil && manifest.Config.Size > maxManifest {
		err = fmt.Errorf("its config has more than %d bytes", maxManifest)
	}
	return image, err
}

// bundles writes a referrer for each item. Registries without the referrers API get the tag of the specification, by the library.
func (w *writer) bundles(ctx context.Context, items []item) error {
	there, err := bundles(ctx, w.registry, w.subject)
	if err != nil {
		return err
	}
	for _, i := range items {
		if w.note(i, FormatBundle, there) {
			continue
		}
		envelope, err := envelopeOf(ctx, w.opt.Key, i.payload)
		if err != nil {
			return err
		}
		data, err := bundleOf(w.opt.Key.Public, envelope)
		if err != nil {
			return err
		}
		if err := w.refer(ctx, i, data); err != nil {
			return fmt.Errorf("writing a bundle: %w", layers.RegistryError(err))
		}
	}
	return nil
}

// refer pushes a bundle as an artifact that refers to the subject (image-spec, manifest.md, "Guidelines for Artifact Usage").
func (w *writer) refer(ctx context.Context, i item, data []byte) error {
	config, layer := static.NewLayer([]byte("{}"), "application/vnd.oci.empty.v1+json"), static.NewLayer(data, mediaBundle)
	for _, blob := range []v1.Layer{config, layer} {
		if err := remote.WriteLayer(w.repo, blob, w.with(ctx)...); err != nil {
			return err
		}
	}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: mediaBundle,
		Config: descriptor(config, "application/vnd.oci.empty.v1+json"), Layers: []v1.Descriptor{descriptor(layer, mediaBundle)},
		Subject: &v1.Descriptor{MediaType: w.subject.media, Digest: w.subject.digest, Size: w.subject.size},
		Annotations: map[string]string{annotationContent: "dsse-envelope", annotationBundle: i.kind, annotationInToto: i.kind,
			annotationPayload: payloadDigest(i.payload)},
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return remote.Put(w.repo.Digest(digest.String()), artifact(raw), w.with(ctx)...)
}

// descriptor describes a layer in memory, of which size and digest are always known.
func descriptor(layer v1.Layer, media types.MediaType) v1.Descriptor {
	digest, _ := layer.Digest()
	size, _ := layer.Size()
	return v1.Descriptor{MediaType: media, Digest: digest, Size: size}
}

// artifact is a manifest as bytes, for remote.Put.
type artifact []byte

// RawManifest implements remote.Taggable.
func (a artifact) RawManifest() ([]byte, error) { return a, nil }

// MediaType is the type that remote.Put declares.
func (a artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
