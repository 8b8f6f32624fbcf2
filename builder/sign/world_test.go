package sign

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	registries "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	typeSBOM       = "https://cyclonedx.org/bom"
	typeProvenance = "https://slsa.dev/provenance/v1"
)

// world is a registry with an image in it.
type world struct {
	t       *testing.T
	blobs   *blobs
	repo    name.Repository
	ref     string
	handler http.Handler
	empty   func() // forgets all but the image
}

// newWorld pushes an index of two platforms with BuildKit's attestations, as REPO:1.
func newWorld(t *testing.T, referrers bool) *world {
	t.Helper()
	held := &blobs{BlobHandler: registries.NewInMemoryBlobHandler(), changed: map[string][]byte{}}
	w := &world{t: t, blobs: held}
	fresh := func() {
		w.handler = registries.New(registries.Logger(log.New(io.Discard, "", 0)), registries.WithBlobHandler(held),
			registries.WithReferrersSupport(referrers))
	}
	fresh()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.handler.ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/apps/web")
	if err != nil {
		t.Fatal(err)
	}
	w.repo, w.ref = repo, repo.Name()+":1"
	w.empty = func() {
		fresh()
		w.push(w.ref, testIndex(t, repo, "web"))
	}
	w.empty()
	return w
}

func (w *world) push(ref string, index v1.ImageIndex) v1.Hash {
	w.t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := remote.WriteIndex(parsed, index); err != nil {
		w.t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		w.t.Fatal(err)
	}
	return digest
}

func testImage(t *testing.T, arch, content, user string) v1.Image {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{User: user,
		Labels: map[string]string{"team": "web"}}})
	if err != nil {
		t.Fatal(err)
	}
	layer := static.NewLayer([]byte("a layer of "+content+" for "+arch), types.OCIUncompressedLayer)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		t.Fatal(err)
	}
	return image
}

// testIndex is an index as BuildKit writes it.
func testIndex(t *testing.T, repo name.Repository, content string) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		image := testImage(t, arch, content, "65532:65532")
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}},
			mutate.IndexAddendum{Add: attestationManifest(t, digest, arch), Descriptor: attestationOf(digest)})
	}
	return index
}

// attestationOf describes an attestation manifest about a manifest as BuildKit does.
func attestationOf(digest v1.Hash) v1.Descriptor {
	return v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", referenceDigest: digest.String()}}
}

func attestationManifest(t *testing.T, digest v1.Hash, arch string) v1.Image {
	t.Helper()
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	for _, kind := range []string{typeSBOM, typeProvenance} {
		predicate := `{"about":"` + arch + `","big":12345678901234567890,"text":"a<b"}`
		data, err := statementOf("pkg:docker/web", digest, Predicate{kind, json.RawMessage(predicate)})
		if err != nil {
			t.Fatal(err)
		}
		image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer(data, payloadInToto),
			Annotations: map[string]string{annotationInToto: kind}, MediaType: payloadInToto})
		if err != nil {
			t.Fatal(err)
		}
	}
	return image
}

func newKey(t *testing.T) *PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return parseKey(t, key)
}

// parseKey goes through PKCS#8 and PEM.
func parseKey(t *testing.T, key any) *PrivateKey {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func (w *world) attest(key *PrivateKey, formats ...string) *Signed {
	w.t.Helper()
	signed, err := Attest(context.Background(), w.ref, Options{Key: key, Formats: formats, OwnBuild: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func (w *world) verify(key *PrivateKey, policy *Policy) *Report {
	w.t.Helper()
	report, err := Verify(context.Background(), w.ref, VerifyOptions{Key: key.Public, Policy: policy})
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// subject is the index (0), amd64 (1) or arm64 (2).
func (w *world) subject(n int) *subject {
	w.t.Helper()
	list, err := subjects(context.Background(), w.store(), "1", false)
	if err != nil {
		w.t.Fatal(err)
	}
	return list[n]
}

func (w *world) store() registry {
	st, _, err := openRegistry(context.Background(), w.ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}
