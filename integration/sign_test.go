//go:build e2e

package integration

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/sign"
)

// signed is what slim build --push --sign left in a registry.
type signed struct {
	ref, private, public string // the image; files of the keys
	key                  crypto.PublicKey
	artifacts            string // directory
	manifest             string // digest of the platform manifest
	digests              []name.Digest
}

const keyPassword = "COSIGN_PASSWORD=secret"

// buildSigned slims the small image into a registry of its own and signs it.
func buildSigned(t *testing.T) signed {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	input, err := name.ParseReference(host + "/apps/small:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(input, readSmall(t, small(t))); err != nil {
		t.Fatal(err)
	}
	s := signed{ref: host + "/apps/small.slim:1", artifacts: filepath.Join(t.TempDir(), "artifacts")}
	s.private, s.public, s.key = keyFiles(t)
	out := slimEnv(t, []string{keyPassword}, "build", input.String(), "--tag", s.ref, "--push", "--sign", s.private, "--artifacts",
		s.artifacts, "--format", "json", "--progress", "plain")
	if out.code != 0 {
		t.Fatalf("slim build --sign: exit code %d\n%s", out.code, tail(out.stderr, 40))
	}
	var result builder.Result
	decode(t, out.stdout, &result)
	ref, err := name.ParseReference(s.ref)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	s.manifest = manifestsOf(t, index, err)[0].Digest.String()
	s.digests = []name.Digest{ref.Context().Digest(result.Digest), ref.Context().Digest(s.manifest)}
	return s
}

// keyFiles are a key as cosign writes it, with a password, and its public key.
func keyFiles(t *testing.T) (private, public string, key crypto.PublicKey) {
	t.Helper()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := encrypted.Encrypt(der, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	pkix, err := x509.MarshalPKIXPublicKey(made.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	private, public = filepath.Join(dir, "team.key"), filepath.Join(dir, "team.pub")
	for file, block := range map[string]*pem.Block{private: {Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: locked},
		public: {Type: "PUBLIC KEY", Bytes: pkix}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return private, public, made.Public()
}

// What BuildKit attached is signed, in both formats, on the index and on the platform; slim itself, sigstore-go and the libraries
// of each predicate agree that it is right, and the image can be made again.
func TestSignedBuild(t *testing.T) {
	s := buildSigned(t)
	out := mustSlim(t, "verify", s.ref, "--key", s.public, "--format", "json")
	var report sign.Report
	decode(t, out.stdout, &report)
	if len(report.Subjects) != 2 || report.Subjects[1].Digest != s.manifest || report.Subjects[1].Platform != "linux/amd64" {
		t.Fatalf("subjects = %+v", report.Subjects)
	}
	for _, subject := range report.Subjects {
		var types []string
		for _, a := range subject.Attestations {
			types = append(types, a.Type)
			if !slices.Equal(a.Formats, []string{"legacy", "bundle"}) {
				t.Errorf("%s: formats %v of %s", subject.Platform, a.Formats, a.Type)
			}
		}
		if want := predicateTypes; !slices.Equal(types, want) {
			t.Errorf("%s: attestations %q, want %q", subject.Platform, types, want)
		}
	}
	t.Run("sigstore-go", func(t *testing.T) {
		for _, digest := range s.digests {
			verifyBundles(t, digest, s.key)
		}
	})
	t.Run("predicates", func(t *testing.T) {
		for _, statement := range bundleStatements(t, s.digests[1]) {
			validatePredicate(t, statement.PredicateType, statement.Predicate)
		}
	})
	t.Run("admission", func(t *testing.T) {
		policies, err := os.ReadFile(filepath.Join(s.artifacts, "admission.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		public, err := os.ReadFile(s.public)
		if err != nil {
			t.Fatal(err)
		}
		line := strings.Split(string(public), "\n")[1]
		for _, want := range []string{"ClusterImagePolicy", "ClusterPolicy", line, "https://cyclonedx.org/bom", "/apps/small.slim"} {
			if !strings.Contains(string(policies), want) {
				t.Errorf("admission.yaml has no %s", want)
			}
		}
	})
	t.Run("again", func(t *testing.T) {
		out := slimEnv(t, []string{keyPassword}, "attest", s.ref, "--key", s.private, "--attached", "cyclonedx", "--attached",
			"test-result")
		if out.code != 0 || !strings.Contains(out.stderr, " 0 of them new") {
			t.Errorf("exit code %d\n%s", out.code, out.stderr)
		}
	})
	t.Run("one more predicate", func(t *testing.T) {
		file, policy := filepath.Join(s.artifacts, "vex.json"), filepath.Join(s.artifacts, "policy.yaml")
		for name, text := range map[string]string{file: vexDocument,
			policy: "predicates: [openvex, cyclonedx, slsaprovenance1]\nnon_root: true\n"} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if out := slim(t, "verify", s.ref, "--key", s.public, "--policy", policy); out.code != 1 || !strings.Contains(out.stdout,
			"NOT VERIFIED (policy) linux/amd64") {
			t.Errorf("without it: exit code %d\n%s", out.code, out.stdout)
		}
		if out := slimEnv(t, []string{keyPassword}, "attest", s.ref, "--key", s.private, "--predicate", file, "--type",
			"openvex"); out.code != 0 || !strings.Contains(out.stderr, " 4 of them new") {
			t.Fatalf("exit code %d\n%s", out.code, out.stderr)
		}
		mustSlim(t, "verify", s.ref, "--key", s.public, "--policy", policy)
		for _, statement := range bundleStatements(t, s.digests[0]) {
			validatePredicate(t, statement.PredicateType, statement.Predicate)
		}
	})
	t.Run("rebuild", func(t *testing.T) {
		evidence := filepath.Join(s.artifacts, "evidence.json")
		out := mustSlim(t, "verify", s.ref, "--key", s.public, "--rebuild", "--evidence", evidence)
		if want := "the same manifest " + s.manifest; !strings.Contains(out.stdout, want) {
			t.Errorf("no %q in\n%s", want, out.stdout)
		}
		out = slim(t, "verify", s.ref, "--key", s.public, "--rebuild", "--evidence", evidence, "--exclude", "/data/late.txt", "--keep-going")
		if out.code != 1 || !strings.Contains(out.stdout, "NOT VERIFIED (rebuild) linux/amd64: rebuilt, it is another image") {
			t.Errorf("with another option: exit code %d\n%s%s", out.code, out.stdout, tail(out.stderr, 10))
		}
	})
}

// predicateTypes are those of a slim image, sorted.
var predicateTypes = []string{"https://cyclonedx.org/bom", "https://in-toto.io/attestation/release/v0.1",
	"https://in-toto.io/attestation/runtime-trace/v0.1",
	"https://in-toto.io/attestation/test-result/v0.1", "https://slsa.dev/provenance/v1", "https://spdx.dev/Document"}

const vexDocument = `{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "us",
	"timestamp": "2026-01-01T00:00:00Z", "version": 1,
 "statements": [{"vulnerability": {"name": "CVE-2026-0001"}, "products": [{"@id": "pkg:oci/small.slim"}], "status": "fixed"}]}`

// said is an in-toto statement.
type said struct {
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// manifestsOf are the manifests of an index that was fetched.
func manifestsOf(t *testing.T, index v1.ImageIndex, err error) []v1.Descriptor {
	t.Helper()
	var manifest *v1.IndexManifest
	if err == nil {
		manifest, err = index.IndexManifest()
	}
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Manifests
}

// bundlesOf are the Sigstore bundles that refer to a manifest.
func bundlesOf(t *testing.T, digest name.Digest) [][]byte {
	t.Helper()
	index, err := remote.Referrers(digest)
	var list [][]byte
	for _, d := range manifestsOf(t, index, err) {
		if d.Annotations["dev.sigstore.bundle.predicateType"] != d.Annotations["in-toto.io/predicate-type"] {
			t.Errorf("the annotations of %s differ: %v", d.Digest, d.Annotations)
		}
		image, err := remote.Image(digest.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		layers, err := image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if media, err := layers[0].MediaType(); err != nil || media != "application/vnd.dev.sigstore.bundle.v0.3+json" {
			continue // BuildKit's attestation manifest refers to the image, too
		}
		list = append(list, layerBytes(t, layers[0]))
	}
	return list
}

func layerBytes(t *testing.T, layer v1.Layer) []byte {
	t.Helper()
	r, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// verifyBundles has sigstore-go verify every bundle of a manifest with the key alone, and refuse each with another key and for
// another manifest.
func verifyBundles(t *testing.T, digest name.Digest, key crypto.PublicKey) {
	t.Helper()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	list := bundlesOf(t, digest)
	if want := len(predicateTypes) + 1; len(list) != want {
		t.Errorf("%s has %d bundles, want %d", digest, len(list), want)
	}
	wrong := strings.Repeat("0", 64)
	for _, data := range list {
		if err := verifyBundle(t, data, key, digest.DigestStr()); err != nil {
			t.Errorf("%s: %v", digest, err)
		}
		if verifyBundle(t, data, other.Public(), digest.DigestStr()) == nil {
			t.Errorf("%s: a bundle verifies with another key", digest)
		}
		if verifyBundle(t, data, key, "sha256:"+wrong) == nil {
			t.Errorf("%s: a bundle verifies for another image", digest)
		}
	}
}

func verifyBundle(t *testing.T, data []byte, key crypto.PublicKey, digest string) error {
	t.Helper()
	b := &bundle.Bundle{}
	if err := b.UnmarshalJSON(data); err != nil {
		return err
	}
	keyVerifier, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(keyVerifier, time.Time{}, time.Time{}), nil
	})
	verifier, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(b, verify.NewPolicy(verify.WithArtifactDigest("sha256", sum), verify.WithKey()))
	return err
}

// bundleStatements are the statements about a manifest, but for its signature.
func bundleStatements(t *testing.T, digest name.Digest) []said {
	t.Helper()
	var list []said
	for _, data := range bundlesOf(t, digest) {
		var b struct {
			Envelope struct {
				Payload []byte `json:"payload"`
			} `json:"dsseEnvelope"`
		}
		var s said
		if err := json.Unmarshal(data, &b); err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(bytes.NewReader(b.Envelope.Payload)).Decode(&s); err != nil {
			t.Fatal(err)
		}
		if s.PredicateType != "https://sigstore.dev/cosign/sign/v1" {
			list = append(list, s)
		}
	}
	return list
}
