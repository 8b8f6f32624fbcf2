package sign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/slimimage/slim/layers"
)

// Annotations of cosign's tags and of bundles.
const (
	annotationSignature = "dev.cosignproject.cosign/signature"
	annotationPredicate = "predicateType"
	annotationBundle    = "dev.sigstore.bundle.predicateType"
	annotationContent   = "dev.sigstore.bundle.content"
	annotationInToto    = "in-toto.io/predicate-type"
)

// Annotations of slim's own: which key signed, and the digest of what was signed. They are not trusted. They tell a
// changed payload from a changed signature and from another key, which all look the same to arithmetic.
const (
	annotationKey     = "io.slimimage.key"
	annotationPayload = "io.slimimage.payload"
)

// Formats of signatures and attestations.
const (
	FormatLegacy = "legacy" // cosign's tags
	FormatBundle = "bundle" // Sigstore bundles as referrers
)

// found is one signed thing beside an image.
type found struct {
	format  string
	where   string // for messages
	simple  bool   // the payload is cosign's, else a statement
	payload []byte
	message []byte // what was signed
	kind    string // predicate type, predicateSigned of a signature
	about   func(v1.Hash) bool
	names   string // the digests that it is about
	sigs    [][]byte
	keys    []string // for each signature the declared key, "" without one
	claimed string   // declared digest of the payload, "" without one
	broken  error    // it could not be read
}

// signature reports whether it is an image's signature rather than an attestation.
func (f *found) signature() bool { return f.kind == predicateSigned }

// legacy reads one of cosign's tags, ".sig" or ".att"; a missing tag is not an error.
func legacy(ctx context.Context, st store, s *subject, suffix string) ([]found, error) {
	tag := tagOf(s.digest, suffix)
	data, err := st.manifest(ctx, tag)
	if errors.Is(err, layers.ErrNotFound) {
		return nil, nil
	}
	var manifest v1.Manifest
	if err == nil {
		err = json.Unmarshal(data, &manifest)
	}
	if err == nil && len(manifest.Layers) > maxListed {
		err = fmt.Errorf("it has more than %d layers", maxListed)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", tag, err)
	}
	var list []found
	size := int64(0)
	for i, d := range manifest.Layers {
		if d.MediaType != mediaSimple && d.MediaType != mediaEnvelope {
			continue
		}
		f := found{format: FormatLegacy, where: fmt.Sprintf("%s, layer %d", tag, i+1), claimed: d.Annotations[annotationPayload],
			kind: d.Annotations[annotationPredicate]}
		if d.MediaType == mediaSimple {
			f.kind, f.simple = predicateSigned, true
		}
		data, err := f.read(ctx, st, d, &size)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", f.where, err)
		case f.broken != nil:
		case f.simple:
			f.readSimple(data, d.Annotations)
		default:
			f.readEnvelope(data, "")
		}
		list = append(list, f)
	}
	return list, nil
}

// bundles reads the Sigstore bundles that refer to a manifest.
func bundles(ctx context.Context, st store, s *subject) ([]found, error) {
	referrers, err := st.referrers(ctx, s.digest)
	if err != nil {
		return nil, fmt.Errorf("listing the referrers of %s: %w", s.digest, err)
	}
	var list []found
	size := int64(0)
	for _, digest := range referrers {
		data, err := st.manifest(ctx, digest.String())
		var manifest v1.Manifest
		if err == nil {
			err = json.Unmarshal(data, &manifest)
		}
		if err != nil {
			return nil, fmt.Errorf("referrer %s: %w", digest, err)
		}
		if len(manifest.Layers) != 1 || !isBundle(manifest.Layers[0].MediaType) {
			continue
		}
		f := found{format: FormatBundle, where: "bundle " + digest.String(), claimed: manifest.Annotations[annotationPayload],
			kind: manifest.Annotations[annotationBundle]}
		if data, err = f.read(ctx, st, manifest.Layers[0], &size); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.where, err)
		}
		if f.broken == nil {
			f.readBundle(data)
		}
		list = append(list, f)
	}
	return list, nil
}

// read reads the blob of a signed thing. Bytes that are not those of the digest, and too many of them, are found out here; an error is
// that of a registry that does not answer. size adds up what was read.
func (f *found) read(ctx context.Context, st store, d v1.Descriptor, size *int64) ([]byte, error) {
	if *size += max(0, d.Size); *size > maxTogether {
		return nil, fmt.Errorf("it and its attachments have more than %d bytes", maxTogether)
	}
	data, err := readBlob(ctx, st, d)
	var changed *bytesError
	if errors.As(err, &changed) || errors.Is(err, errLarge) {
		f.broken, err = err, nil
	}
	return data, err
}

func isBundle(media types.MediaType) bool {
	return strings.HasPrefix(string(media), "application/vnd.dev.sigstore.bundle")
}

func (f *found) readSimple(payload []byte, annotations map[string]string) {
	f.payload, f.message = payload, payload
	var said simple
	if f.broken = json.Unmarshal(payload, &said); f.broken != nil {
		return
	}
	f.names = said.Critical.Image.Digest
	f.about = func(digest v1.Hash) bool { return f.names == digest.String() && said.Critical.Type == simpleType }
	f.sign(annotations[annotationSignature], annotations[annotationKey])
}

// readEnvelope reads a DSSE envelope as JSON; key is the declared key of signatures that declare none themselves.
func (f *found) readEnvelope(data []byte, key string) {
	var envelope dsse.Envelope
	if f.broken = json.Unmarshal(data, &envelope); f.broken == nil {
		f.open(&envelope, key)
	}
}

func (f *found) readBundle(data []byte) {
	var b bundle
	if f.broken = json.Unmarshal(data, &b); f.broken != nil {
		return
	}
	if b.Envelope == nil {
		f.broken = errors.New("the bundle has no envelope")
		return
	}
	key := ""
	if b.Material.PublicKey != nil {
		key = b.Material.PublicKey.Hint
	}
	f.open(b.Envelope, key)
}

func (f *found) open(envelope *dsse.Envelope, key string) {
	if f.payload, f.broken = envelope.DecodeB64Payload(); f.broken != nil {
		return
	}
	f.message = dsse.PAE(envelope.PayloadType, f.payload)
	for _, signature := range envelope.Signatures {
		id := signature.KeyID
		if id == "" {
			id = key
		}
		f.sign(signature.Sig, id)
	}
	var said statement
	if err := json.Unmarshal(f.payload, &said); err != nil || envelope.PayloadType != payloadInToto {
		f.about = func(v1.Hash) bool { return false }
		f.names = "nothing: it is not a statement"
		return
	}
	f.kind, f.about, f.names = said.PredicateType, said.about, said.subjects()
}

// sign adds a signature in base64; other text becomes a signature that verifies with no key.
func (f *found) sign(text, key string) {
	data, err := fromBase64(text)
	if err != nil {
		data = nil
	}
	f.sigs, f.keys = append(f.sigs, data), append(f.keys, key)
}
