package cosign

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	cosign2 "github.com/sigstore/cosign/v2/pkg/cosign"
	oci2 "github.com/sigstore/cosign/v2/pkg/oci"
	cosign3 "github.com/sigstore/cosign/v3/pkg/cosign"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/signature"
)

const (
	typeSBOM = "https://cyclonedx.org/bom"
	typeVEX  = "https://openvex.dev/ns/v0.2.0"
	password = "correct horse"
)

var slimBinary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slim-cosign-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	slimBinary = filepath.Join(dir, "slim")
	build := exec.Command("go", "build", "-o", slimBinary, "./cmd/slim")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building slim: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// keys are a pair that cosign made.
type keys struct {
	private  string // file
	verifier signature.Verifier
	public   crypto.PublicKey
}

func newKeys(t *testing.T) keys {
	t.Helper()
	pair, err := cosign3.GenerateKeyPair(func(bool) ([]byte, error) { return []byte(password), nil })
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cosign.key")
	if err := os.WriteFile(file, pair.PrivateBytes, 0o600); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pair.PublicBytes)
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return keys{file, verifier, public}
}

// other is the verifier of a key that signed nothing.
func other(t *testing.T) signature.Verifier {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.LoadVerifier(key.Public(), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// pushIndex pushes an index of two platforms, each with a statement as BuildKit attaches it, and returns the digests of the index and
// of them.
func pushIndex(t *testing.T, repo name.Repository) []name.Digest {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var list []name.Digest
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := random.Image(100, 1)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":%q}}],"predicateType":%q,`+
			`"predicate":{"bomFormat":"CycloneDX","serial":%q}}`,
			digest.Hex, typeSBOM, arch)
		attached, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
			static.NewLayer([]byte(said), "application/vnd.in-toto+json"))
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}},
			mutate.IndexAddendum{Add: attached, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest.String()}}})
		list = append(list, repo.Digest(digest.String()))
	}
	if err := remote.WriteIndex(repo.Tag("1"), index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return append([]name.Digest{repo.Digest(digest.String())}, list...)
}

// signed is an image that slim has signed in one format, and the digests of its manifests.
func signed(t *testing.T, format string, referrers bool, k keys) []name.Digest {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrers), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/apps/web")
	if err != nil {
		t.Fatal(err)
	}
	digests := pushIndex(t, repo)
	vex := filepath.Join(t.TempDir(), "vex.json")
	if err := os.WriteFile(vex, []byte(`{"@context":"https://openvex.dev/ns/v0.2.0","version":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(slimBinary, "attest", repo.Name()+":1", "--key", k.private, "--predicate", vex, "--type", "openvex",
		"--attached", typeSBOM, "--attest-format", format)
	cmd.Env = append(os.Environ(), "COSIGN_PASSWORD="+password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("slim attest: %v\n%s", err, out)
	}
	return digests
}

// want are the predicate types of the index (0) and of a platform.
func want(n int) []string {
	if n == 0 {
		return []string{typeSBOM, typeSBOM, typeVEX}
	}
	return []string{typeSBOM, typeVEX}
}

// typesOf are the predicate types of envelopes, sorted.
func typesOf(t *testing.T, payloads ...[]byte) []string {
	t.Helper()
	var list []string
	for _, payload := range payloads {
		var envelope dsse.Envelope
		var said struct {
			PredicateType string `json:"predicateType"`
		}
		if err := json.Unmarshal(payload, &envelope); err != nil {
			t.Fatal(err)
		}
		data, err := base64.StdEncoding.DecodeString(envelope.Payload)
		if err == nil {
			err = json.Unmarshal(data, &said)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, said.PredicateType)
	}
	slices.Sort(list)
	return list
}

// cosign 2 reads the tags: DevGuard's way, for each platform too.
func TestCosign2(t *testing.T) {
	k, ctx := newKeys(t), context.Background()
	for n, digest := range signed(t, "legacy,bundle", true, k) {
		opt := &cosign2.CheckOpts{SigVerifier: k.verifier, IgnoreTlog: true, IgnoreSCT: true, ClaimVerifier: cosign2.SimpleClaimVerifier}
		if list, _, err := cosign2.VerifyImageSignatures(ctx, digest, opt); err != nil || len(list) != 1 {
			t.Errorf("%s: %d signatures (%v)", digest, len(list), err)
		}
		opt.ClaimVerifier = cosign2.IntotoSubjectClaimVerifier
		list, _, err := cosign2.VerifyImageAttestations(ctx, digest, opt)
		if err != nil {
			t.Errorf("%s: %v", digest, err)
		}
		if got := typesOf(t, payloads2(t, list)...); !slices.Equal(got, want(n)) {
			t.Errorf("%s: attestations %v, want %v", digest, got, want(n))
		}
		opt.SigVerifier = other(t)
		if _, _, err := cosign2.VerifyImageAttestations(ctx, digest, opt); err == nil {
			t.Errorf("%s: attestations verify with another key", digest)
		}
		opt.ClaimVerifier = cosign2.SimpleClaimVerifier
		if _, _, err := cosign2.VerifyImageSignatures(ctx, digest, opt); err == nil {
			t.Errorf("%s: signatures verify with another key", digest)
		}
	}
}

func payloads2(t *testing.T, list []oci2.Signature) (payloads [][]byte) {
	t.Helper()
	for _, attestation := range list {
		payload, err := attestation.Payload()
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, payload)
	}
	return payloads
}

// cosign 3 reads bundles first, with and without the referrers API, and tags where there are none.
func TestCosign3(t *testing.T) {
	k, ctx := newKeys(t), context.Background()
	for format, referrers := range map[string]bool{"bundle": true, "legacy,bundle": false} {
		for n, digest := range signed(t, format, referrers, k) {
			opt := &cosign3.CheckOpts{TrustedMaterial: trusted(t, k), SigVerifier: k.verifier, IgnoreTlog: true, IgnoreSCT: true,
				NewBundleFormat: true, ClaimVerifier: cosign3.IntotoSubjectClaimVerifier}
			list, verified, err := cosign3.VerifyImageAttestations(ctx, digest, opt)
			if err != nil || !verified {
				t.Errorf("%s: %v", digest, err)
				continue
			}
			var payloads [][]byte
			for _, attestation := range list {
				payload, err := attestation.Payload()
				if err != nil {
					t.Fatal(err)
				}
				payloads = append(payloads, payload)
			}
			signature := "https://sigstore.dev/cosign/sign/v1" // cosign verify looks for this one
			if got, want := typesOf(t, payloads...), append(want(n), signature); !slices.Equal(got, want) {
				t.Errorf("%s: attestations %v, want %v", digest, got, want)
			}
			opt.SigVerifier, opt.TrustedMaterial = other(t), nil
			if _, _, err := cosign3.VerifyImageAttestations(ctx, digest, opt); err == nil {
				t.Errorf("%s: bundles verify with another key", digest)
			}
		}
	}
	for _, digest := range signed(t, "legacy", true, k) {
		opt := &cosign3.CheckOpts{SigVerifier: k.verifier, IgnoreTlog: true, IgnoreSCT: true, ClaimVerifier: cosign3.SimpleClaimVerifier}
		if _, _, err := cosign3.VerifyImageSignatures(ctx, digest, opt); err != nil {
			t.Errorf("%s: %v", digest, err)
		}
		opt.ClaimVerifier = cosign3.IntotoSubjectClaimVerifier
		if _, _, err := cosign3.VerifyImageAttestations(ctx, digest, opt); err != nil {
			t.Errorf("%s: %v", digest, err)
		}
	}
}

func trusted(t *testing.T, k keys) root.TrustedMaterial {
	t.Helper()
	verifier, err := signature.LoadDefaultVerifier(k.public)
	if err != nil {
		t.Fatal(err)
	}
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
	})
}
