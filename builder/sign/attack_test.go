package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestAttackHiddenPlatform hides an image of root from a policy that forbids root: a runtime selects it by its platform, and its
// annotations say that it is not an image.
func TestAttackHiddenPlatform(t *testing.T) {
	amd64 := &v1.Platform{OS: "linux", Architecture: "amd64"}
	for _, kind := range []string{"x", "attestation-manifest"} {
		w, key := newWorld(t, true), newKey(t)
		index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
			Add:        testImage(t, "amd64", "root", "0"),
			Descriptor: v1.Descriptor{Platform: amd64, Annotations: map[string]string{"vnd.docker.reference.type": kind}}})
		w.push(w.ref, index)
		w.attest(key)
		report := w.verify(key, &Policy{NonRoot: true})
		if report.Verified || len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Message, "linux/amd64: the policy forbids root") {
			t.Errorf("reference type %q: verified %v, problems %v; want one, of linux/amd64's user", kind, report.Verified, report.Problems)
		}
	}
}

// TestAttackNoPlatform offers indexes of which no image would be looked at, and documents that are an index to slim and an image to others.
func TestAttackNoPlatform(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	image := must(testImage(t, "amd64", "root", "0").RawManifest())
	attestations := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: attestationManifest(t, w.subject(1).digest, "amd64"),
		Descriptor: attestationOf(w.subject(1).digest)})
	for name, test := range map[string]struct {
		data  []byte
		media types.MediaType
		want  string
	}{
		"empty":             {must(empty.Index.RawManifest()), types.OCIImageIndex, "lists no image"},
		"only attestations": {must(attestations.RawManifest()), types.OCIImageIndex, "lists no image"},
		"two kinds":         {bytes.Replace(image, []byte("{"), []byte(`{"manifests":[],`), 1), types.OCIManifestSchema1, "at once"},
	} {
		if err := remote.Put(w.repo.Tag("1"), typed{test.data, test.media}); err != nil {
			t.Fatal(err)
		}
		_, signed := Attest(context.Background(), w.ref, Options{Key: key})
		_, verified := Verify(context.Background(), w.ref, VerifyOptions{Key: key.Public, Policy: &Policy{NonRoot: true}})
		for what, err := range map[string]error{"Attest": signed, "Verify": verified} {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %s = %v, want %q", name, what, err, test.want)
			}
		}
	}
}

// typed is a manifest as bytes with the media type that the registry declares.
type typed struct {
	data  []byte
	media types.MediaType
}

func (m typed) RawManifest() ([]byte, error)        { return m.data, nil }
func (m typed) MediaType() (types.MediaType, error) { return m.media, nil }

// TestAttackKeylessComment puts a line break into the platform of an index: the next line would be a command of the attacker.
func TestAttackKeylessComment(t *testing.T) {
	w := newWorld(t, true)
	w.push(w.ref, mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add:        testImage(t, "amd64", "x", "1"),
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64\nid #"}}}))
	commands, _, err := Keyless(context.Background(), w.ref, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		if strings.ContainsAny(command, "\n\r") || !strings.HasPrefix(command, "#") && !strings.HasPrefix(command, "cosign ") {
			t.Errorf("Keyless prints %q, want a comment or a command of cosign", command)
		}
	}
}

// TestAttackForeignStatement puts a statement into the index of an image that is about to be signed: the key must not vouch for it unless
// it was named.
func TestAttackForeignStatement(t *testing.T) {
	const forged = "https://in-toto.io/attestation/test-result/v0.1"
	w, key := newWorld(t, true), newKey(t)
	digest := w.subject(1).digest
	payload := must(statementOf("web", digest, Predicate{forged, json.RawMessage(`{"result":"PASSED"}`)}))
	foreign := must(mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		mutate.Addendum{Layer: static.NewLayer(payload, payloadInToto), MediaType: payloadInToto}))
	w.push(w.ref, mutate.AppendManifests(testIndex(t, w.repo, "web"), mutate.IndexAddendum{Add: foreign, Descriptor: attestationOf(digest)}))
	blob := payloadDigest(payload)
	for _, test := range []struct {
		named []string
		types []string // that are signed
		left  int      // statements that are not
	}{
		{nil, nil, 5},
		{[]string{typeSBOM}, []string{typeSBOM}, 3},
		{[]string{typeSBOM, blob}, []string{typeSBOM, forged}, 2},
	} {
		signed, err := Attest(context.Background(), w.ref, Options{Key: key, Attached: test.named})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, written := range signed.Written {
			if written.Platform == "linux/amd64" && written.Format == FormatBundle && written.Type != "signature" {
				got = append(got, written.Type)
			}
		}
		if !slices.Equal(got, test.types) || len(signed.Warnings) != test.left {
			t.Errorf("Attest of %q signed %q and warned %q, want %q and %d warnings", test.named, got, signed.Warnings, test.types, test.left)
		}
		if test.named == nil && !slices.ContainsFunc(signed.Warnings, func(s string) bool { return strings.Contains(s, blob) }) {
			t.Errorf("no warning of %q names %s", signed.Warnings, blob)
		}
		commands, warnings, err := Keyless(context.Background(), w.ref, nil, test.named)
		if text := strings.Join(commands, "\n"); err != nil || len(warnings) != test.left ||
			strings.Contains(text, forged) != slices.Contains(test.types, forged) {
			t.Errorf("Keyless of %q = %s, warned %q, %v", test.named, text, warnings, err)
		}
	}
	if _, err := Attest(context.Background(), w.ref, Options{Key: key, Attached: []string{"https://openvex.dev/ns/v0.2.0"}}); err == nil {
		t.Error("Attest of a statement that is not there: no error")
	}
}
