package sign

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// One thing is changed, as somebody would who can write to the registry: Verify says which and what was done to it.
func TestTampering(t *testing.T) {
	tests := map[string]struct {
		change func(w *world, key *PrivateKey)
		kinds  []string
		say    string // in the first problem
	}{
		"a byte of a layer": {func(w *world, _ *PrivateKey) { w.flip(w.subject(1).manifest.Layers[0].Digest) },
			[]string{KindBytes}, "linux/amd64: layer 1 was changed: its bytes are not those of sha256:"},
		"a byte of a config": {func(w *world, _ *PrivateKey) { w.flip(w.subject(2).manifest.Config.Digest) },
			[]string{KindBytes}, "linux/arm64: the config was changed"},
		"a byte of a stored attestation": {func(w *world, _ *PrivateKey) { w.flip(w.tag(0, ".att").Layers[1].Digest) },
			[]string{KindBytes}, "the index: the attestation " + typeProvenance + " (sha256-"},
		"a byte of a stored bundle": {func(w *world, _ *PrivateKey) { w.flip(w.bundle(1, typeSBOM).Layers[0].Digest) },
			[]string{KindBytes}, "linux/amd64: the attestation " + typeSBOM + " (bundle sha256:"},
		"the payload of an attestation": {func(w *world, _ *PrivateKey) {
			w.rewrite(w.tag(1, ".att"), tagOf(w.subject(1).digest, ".att"), changePayload)
		}, []string{KindPayload}, "linux/amd64: the attestation " + typeSBOM + " (sha256-"},
		"the signature of an attestation": {func(w *world, _ *PrivateKey) {
			w.rewrite(w.tag(1, ".att"), tagOf(w.subject(1).digest, ".att"), changeSignature)
		}, []string{KindSignature}, "is not valid: its signature was changed"},
		"the payload of a bundle": {func(w *world, _ *PrivateKey) { w.rewrite(w.bundle(2, typeSBOM), "", changePayload) },
			[]string{KindPayload}, "linux/arm64: the attestation " + typeSBOM + " (bundle sha256:"},
		"the signature of a bundle": {func(w *world, _ *PrivateKey) { w.rewrite(w.bundle(0, predicateSigned), "", changeSignature) },
			[]string{KindSignature}, "the index: the signature (bundle sha256:"},
		"the signature": {func(w *world, _ *PrivateKey) {
			m := w.tag(0, ".sig")
			a := m.Layers[0].Annotations
			data, _ := base64.StdEncoding.DecodeString(a[annotationSignature])
			data[len(data)-1] ^= 1
			a[annotationSignature] = base64.StdEncoding.EncodeToString(data)
			w.put(m, tagOf(w.subject(0).digest, ".sig"))
		}, []string{KindSignature}, "the index: the signature (sha256-"},
		"what was signed": {func(w *world, _ *PrivateKey) {
			m := w.tag(0, ".sig")
			data := bytes.Replace(w.blob(m.Layers[0].Digest), []byte("sha256:"), []byte("sha256:0"), 1)
			m.Layers[0] = w.upload(data, m.Layers[0])
			w.put(m, tagOf(w.subject(0).digest, ".sig"))
		}, []string{KindPayload}, "is not valid: its payload was changed after it was signed"},
		"the signature of another image": {func(w *world, key *PrivateKey) {
			w.put(w.otherImage(key, ".sig"), tagOf(w.subject(0).digest, ".sig"))
		}, []string{KindSubject}, "is not valid: it is about sha256:"},
		"an attestation of another image": {func(w *world, key *PrivateKey) {
			w.put(w.otherImage(key, ".att"), tagOf(w.subject(0).digest, ".att"))
		}, []string{KindSubject}, "the index: the attestation " + typeSBOM},
		"the image under the name": {func(w *world, _ *PrivateKey) { w.push(w.ref, testIndex(w.t, w.repo, "other")) },
			[]string{KindMissing}, "the index: it has no signature"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, key := newWorld(t, true), newKey(t)
			w.attest(key)
			test.change(w, key)
			report := w.verify(key, nil)
			if diff := cmp.Diff(test.kinds, kinds(report)); diff != "" || report.Verified {
				t.Errorf("kinds of problems: -want +got\n%s%v", diff, report.Problems)
			}
			if len(report.Problems) == 0 || !strings.Contains(report.Problems[0].Message, test.say) {
				t.Errorf("problems %v do not say %q", report.Problems, test.say)
			}
		})
	}
}

func TestOtherKey(t *testing.T) {
	for _, format := range []string{FormatLegacy, FormatBundle} {
		w, key := newWorld(t, true), newKey(t)
		w.attest(key, format)
		report := w.verify(newKey(t), nil)
		if diff := cmp.Diff([]string{KindKey}, kinds(report)); diff != "" || len(report.Problems) != 3 {
			t.Errorf("%s: %s%v", format, diff, report.Problems)
		}
		if want := key.Public.ID(); format == FormatLegacy && !strings.Contains(report.Problems[0].Message, want) {
			t.Errorf("%q does not name %s", report.Problems[0].Message, want)
		}
	}
}

// cosign names no key in its signatures.
func TestUnnamedKey(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	w.attest(key, FormatLegacy)
	for n := range 3 {
		m := w.tag(n, ".sig")
		for _, name := range []string{annotationKey, annotationPayload} {
			delete(m.Layers[0].Annotations, name)
		}
		w.put(m, tagOf(w.subject(n).digest, ".sig"))
	}
	if report := w.verify(key, nil); !report.Verified {
		t.Errorf("problems: %v", report.Problems)
	}
	if got := kinds(w.verify(newKey(t), nil)); !cmp.Equal(got, []string{KindSignature}) {
		t.Errorf("problems %v, want %s", got, KindSignature)
	}
}

func changePayload(e *dsse.Envelope) {
	data, _ := base64.StdEncoding.DecodeString(e.Payload)
	data = bytes.Replace(data, []byte("a<b"), []byte("a<c"), 1)
	e.Payload = base64.StdEncoding.EncodeToString(data)
}

func changeSignature(e *dsse.Envelope) {
	data, _ := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	data[len(data)-1] ^= 1
	e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(data)
}

// flip changes one byte of a blob in place.
func (w *world) flip(digest v1.Hash) {
	data := w.blob(digest)
	data[len(data)/2] ^= 1
	w.blobs.changed[digest.String()] = data
}

func (w *world) blob(digest v1.Hash) []byte {
	w.t.Helper()
	r, err := w.store().blob(context.Background(), digest)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

func (w *world) manifest(ref string) *v1.Manifest {
	w.t.Helper()
	data, err := w.store().manifest(context.Background(), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		w.t.Fatal(err)
	}
	return &m
}

// tag is one of cosign's tags of a subject.
func (w *world) tag(n int, suffix string) *v1.Manifest {
	return w.manifest(tagOf(w.subject(n).digest, suffix))
}

// bundle is the first bundle of a type that refers to a subject.
func (w *world) bundle(n int, kind string) *v1.Manifest {
	w.t.Helper()
	list, err := w.store().referrers(context.Background(), w.subject(n).digest)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, digest := range list {
		if m := w.manifest(digest.String()); m.Annotations[annotationBundle] == kind {
			return m
		}
	}
	w.t.Fatalf("no bundle %s", kind)
	return nil
}

// upload pushes other content for a layer.
func (w *world) upload(data []byte, d v1.Descriptor) v1.Descriptor {
	w.t.Helper()
	layer := static.NewLayer(data, d.MediaType)
	if err := remote.WriteLayer(w.repo, layer); err != nil {
		w.t.Fatal(err)
	}
	changed := descriptor(layer, d.MediaType)
	changed.Annotations = d.Annotations
	return changed
}

// put writes a manifest under a tag; without one by its digest.
func (w *world) put(m *v1.Manifest, tag string) {
	w.t.Helper()
	m.MediaType = types.OCIManifestSchema1
	raw, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	if tag == "" {
		digest, _, err := v1.SHA256(bytes.NewReader(raw))
		if err != nil {
			w.t.Fatal(err)
		}
		tag = digest.String()
	}
	if err := remote.Put(w.store().reference(tag), artifact(raw)); err != nil {
		w.t.Fatal(err)
	}
}

// rewrite changes the envelope in the first layer of a manifest, and all digests with it; a bundle is written beside the old one.
func (w *world) rewrite(m *v1.Manifest, tag string, change func(*dsse.Envelope)) {
	w.t.Helper()
	data := w.blob(m.Layers[0].Digest)
	var b bundle
	if err := json.Unmarshal(data, &b); err != nil {
		w.t.Fatal(err)
	}
	var value any = &b
	if b.Envelope == nil {
		b.Envelope = &dsse.Envelope{}
		value = b.Envelope
		if err := json.Unmarshal(data, b.Envelope); err != nil {
			w.t.Fatal(err)
		}
	}
	change(b.Envelope)
	data, err := json.Marshal(value)
	if err != nil {
		w.t.Fatal(err)
	}
	m.Layers[0] = w.upload(data, m.Layers[0])
	w.put(m, tag)
}

// otherImage signs another image with the same key, and returns one of its tags.
func (w *world) otherImage(key *PrivateKey, suffix string) *v1.Manifest {
	w.t.Helper()
	digest := w.push(w.repo.Name()+":other", testIndex(w.t, w.repo, "other"))
	if _, err := Attest(context.Background(), w.repo.Name()+":other", Options{Key: key, OwnBuild: true}); err != nil {
		w.t.Fatal(err)
	}
	return w.manifest(tagOf(digest, suffix))
}
