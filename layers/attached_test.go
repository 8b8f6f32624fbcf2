package layers

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// statement is a manifest with a layer that is annotated.
func statement(t *testing.T, key, value string) v1.Image {
	t.Helper()
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer([]byte("{}"), "application/vnd.in-toto+json"), Annotations: map[string]string{key: value},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// attested is an index of an image and an attestation manifest of BuildKit's kind for it, and one for another.
func attested(t *testing.T, img v1.Image) v1.ImageIndex {
	t.Helper()
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	about := func(what, predicate string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: statement(t, buildkitType, predicate), Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}, Annotations: map[string]string{referenceType: "attestation-manifest",
				referenceDigest: what},
		}}
	}
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &amd64}},
		about(digest.String(), "https://spdx.dev/Document"), about("sha256:"+strings.Repeat("0", 64), "https://other.example"))
}

func attachments(t *testing.T, ref string) *Attached {
	t.Helper()
	in, err := Open(context.Background(), ref, OpenOptions{Platform: &amd64})
	if err != nil {
		t.Fatal(err)
	}
	found, err := Attachments(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAttachmentsOfLayout(t *testing.T) {
	dir := ociDir(t, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: attested(t, small(t))}))
	if diff := cmp.Diff(&Attached{Predicates: []string{"https://spdx.dev/Document"}}, attachments(t, "oci:"+dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// cosign's tag, as it is written into a layout.
	digest, err := small(t).Digest()
	if err != nil {
		t.Fatal(err)
	}
	l, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	tag := map[string]string{refName: "example.com/app:sha256-" + digest.Hex + ".att"}
	if err := l.AppendImage(statement(t, cosignType, "https://cyclonedx.org/bom"), layout.WithAnnotations(tag)); err != nil {
		t.Fatal(err)
	}
	in, err := openLayoutDigest(dir, digest)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Attachments(context.Background(), in)
	if diff := cmp.Diff(&Attached{Predicates: []string{"https://cyclonedx.org/bom"}}, found); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func openLayoutDigest(dir string, digest v1.Hash) (*Input, error) {
	in, err := (blobStore{dir}).open(digest)
	if err == nil {
		in.Kind = KindOCI
	}
	return in, err
}

func TestAttachmentsOfRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true)))
	defer server.Close()
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/app")
	if err != nil {
		t.Fatal(err)
	}
	index := attested(t, small(t))
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(repo.Tag("1"), index); err != nil {
		t.Fatal(err)
	}
	want := &Attached{Predicates: []string{"https://spdx.dev/Document"}}
	if diff := cmp.Diff(want, attachments(t, repo.Tag("1").String())); diff != "" {
		t.Errorf("unsigned (-want +got)\n%s", diff)
	}
	if err := remote.Write(repo.Tag("sha256-"+digest.Hex+".sig"), statement(t, "x", "y")); err != nil {
		t.Fatal(err)
	}
	desc, err := remote.Head(repo.Tag("1"))
	if err != nil {
		t.Fatal(err)
	}
	bundle := mutate.Annotations(statement(t, "x", "y"), map[string]string{bundleType: "https://slsa.dev/provenance/v1"}).(v1.Image)
	bundle = mutate.Subject(bundle, *desc).(v1.Image)
	bundleDigest, err := bundle.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(repo.Digest(bundleDigest.String()), bundle); err != nil {
		t.Fatal(err)
	}
	want = &Attached{Predicates: []string{"https://slsa.dev/provenance/v1", "https://spdx.dev/Document"}, Signed: true}
	if diff := cmp.Diff(want, attachments(t, repo.Tag("1").String())); diff != "" {
		t.Errorf("signed (-want +got)\n%s", diff)
	}
}

// An archive is imported without what is beside the image in it.
func TestAttachmentsOfArchive(t *testing.T) {
	if found, err := Attachments(context.Background(), &Input{Kind: KindDockerArchive}); err == nil {
		t.Errorf("Attachments = %+v, want an error that says why", found)
	}
}
