package sign

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// FuzzRead holds that nothing that stands beside an image makes verify panic or verifies by itself.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"x","sig":"AA=="}]}`))
	f.Add([]byte(`{"verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":{"payload":"e30=","signatures":[{"sig":"!"}]}}`))
	f.Add([]byte(`{"critical":{"image":{"docker-manifest-digest":"sha256:x"}}}`))
	f.Add([]byte(`null`))
	key, err := ParsePublicKey([]byte(testPublicKey))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func(*found){
			func(f *found) { f.readEnvelope(data, "") },
			func(f *found) { f.readBundle(data) },
			func(f *found) { f.readSimple(data, map[string]string{annotationSignature: string(data)}) },
		} {
			thing := &found{}
			read(thing)
			if kind, _ := key.judge(thing, &subject{}); kind == "" {
				t.Errorf("%q verifies", data)
			}
		}
	})
}

const testPublicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE562K6tIz6CoyWAGQVfRQ6pyTAXk5
o6PEu2s7q4vaNP8a7fQ9DV+Ph5pXAWqynugXEstMP9d3dwvv+eyGpHuATA==
-----END PUBLIC KEY-----
`

// A genuine signature over something that is no statement says nothing about the image, whatever it reads like.
func TestOtherPayloadType(t *testing.T) {
	key, digest := newKey(t), v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	payload := must(statementOf("x", digest, Predicate{typeSBOM, json.RawMessage("{}")}))
	for _, kind := range []string{payloadInToto, "application/json"} {
		signer := must(dsse.NewEnvelopeSigner(key))
		var f found
		f.open(must(signer.SignPayload(context.Background(), kind, payload)), "")
		got, _ := key.Public.judge(&f, &subject{digest: digest})
		if want := map[string]string{payloadInToto: "", "application/json": KindSubject}[kind]; got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

// An attestation manifest that BuildKit never wrote: its statement is about something else.
func TestAttachedToAnother(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	image := testImage(t, "amd64", "victim", "1")
	digest := must(image.Digest())
	stray := attestationManifest(t, v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("b", 64)}, "amd64")
	index := mutate.AppendManifests(testIndex(t, w.repo, "web"), mutate.IndexAddendum{Add: image},
		mutate.IndexAddendum{Add: stray, Descriptor: attestationOf(digest)})
	w.push(w.ref, index)
	_, err := Attest(context.Background(), w.ref, Options{Key: key})
	if err == nil || !strings.Contains(err.Error(), "is about sha256:bbb") {
		t.Errorf("error = %v", err)
	}
}

// A statement larger than the bound is not read.
func TestLargeBlob(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	w.attest(key)
	m := w.tag(0, ".att")
	m.Layers[0].Size = maxBlob + 1
	w.put(m, tagOf(w.subject(0).digest, ".att"))
	if got := kinds(w.verify(key, nil)); len(got) != 1 || got[0] != KindBytes {
		t.Errorf("problems %v, want %s", got, KindBytes)
	}
	m.Layers[0].Size = maxTogether + 1
	w.put(m, tagOf(w.subject(0).digest, ".att"))
	if _, err := Verify(context.Background(), w.ref, VerifyOptions{Key: key.Public}); err == nil || !strings.Contains(err.Error(),
		"more than") {
		t.Errorf("error = %v", err)
	}
}

func TestKeyless(t *testing.T) {
	w := newWorld(t, true)
	commands, _, err := Keyless(context.Background(), w.ref, []PredicateFile{{"https://example.com/t", "a file.json"}},
		[]string{typeSBOM, typeProvenance})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(commands, "\n")
	for n := range 3 {
		image := w.repo.Name() + "@" + w.subject(n).digest.String()
		for _, want := range []string{"cosign sign --yes " + image, "--type https://example.com/t --predicate 'a file.json' " + image,
			"--predicate predicate-1.json " + image} {
			if n == 2 && strings.Contains(want, "predicate-1") {
				continue // that is the other platform's
			}
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	if n := strings.Count(text, "crane blob "); n != 4 {
		t.Errorf("%d statements are fetched, want 4", n)
	}
	if report := w.verify(newKey(t), nil); len(report.Problems) != 3 || report.Problems[0].Kind != KindMissing {
		t.Errorf("after it: %v", report.Problems)
	}
}
