package sign

import (
	"bytes"
	"context"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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
	commands, err := Keyless(context.Background(), w.ref, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		if strings.ContainsAny(command, "\n\r") || !strings.HasPrefix(command, "#") && !strings.HasPrefix(command, "cosign ") {
			t.Errorf("Keyless prints %q, want a comment or a command of cosign", command)
		}
	}
}
