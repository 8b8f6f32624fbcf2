package sign

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/predicates"
)

// Types of payloads, and the media types of their envelopes.
const (
	typeStatement   = "https://in-toto.io/Statement/v1"
	payloadInToto   = "application/vnd.in-toto+json"
	mediaEnvelope   = "application/vnd.dsse.envelope.v1+json"
	mediaSimple     = "application/vnd.dev.cosign.simplesigning.v1+json"
	mediaBundle     = "application/vnd.dev.sigstore.bundle.v0.3+json"
	predicateSigned = "https://sigstore.dev/cosign/sign/v1" // what cosign 3 signs of an image: a statement without a predicate
	simpleType      = "cosign container image signature"
)

// statement is in-toto's (spec/v1/statement.md). The types of in-toto/attestation are protocol buffers, which turn numbers of a
// predicate into floating point: here the predicate stays the bytes it was.
type statement struct {
	Type          string          `json:"_type"`
	Subject       []resource      `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

type resource struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// about reports whether a statement has the manifest among its subjects.
func (s *statement) about(digest v1.Hash) bool {
	for _, subject := range s.Subject {
		if subject.Digest[digest.Algorithm] == digest.Hex {
			return true
		}
	}
	return false
}

// subjects lists the digests of a statement for a message.
func (s *statement) subjects() string {
	var list []string
	for _, subject := range s.Subject {
		if hex := subject.Digest["sha256"]; hex != "" && len(list) < 3 {
			list = append(list, "sha256:"+hex)
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// Predicate is a statement about an image without its subject.
type Predicate struct {
	Type string          // URI
	Data json.RawMessage // a JSON object
}

// statementOf says a predicate about one manifest.
func statementOf(name string, digest v1.Hash, p Predicate) ([]byte, error) {
	return jsonout.Compact(statement{Type: typeStatement, Subject: []resource{{name, map[string]string{digest.Algorithm: digest.Hex}}},
		PredicateType: p.Type, Predicate: p.Data})
}

// simple is the payload of cosign's signatures (containers/image, docs/signature-protocols, "simple signing").
type simple struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional json.RawMessage `json:"optional"`
}

func simplePayload(name string, digest v1.Hash) ([]byte, error) {
	s := simple{Optional: json.RawMessage("null")}
	s.Critical.Identity.Reference, s.Critical.Image.Digest, s.Critical.Type = name, digest.String(), simpleType
	return jsonout.Compact(s)
}

// envelopeOf signs a statement.
func envelopeOf(ctx context.Context, key *PrivateKey, payload []byte) (*dsse.Envelope, error) {
	signer, err := dsse.NewEnvelopeSigner(key)
	if err != nil {
		return nil, err
	}
	return signer.SignPayload(ctx, payloadInToto, payload)
}

// bundle is Sigstore's bundle v0.3 (protobuf-specs, sigstore_bundle.proto) with a key for verification material. The JSON of protocol
// buffers has spaces by chance, which would change the digest.
type bundle struct {
	MediaType string         `json:"mediaType"`
	Material  material       `json:"verificationMaterial"`
	Envelope  *dsse.Envelope `json:"dsseEnvelope,omitempty"`
}

type material struct {
	PublicKey *struct {
		Hint string `json:"hint"`
	} `json:"publicKey,omitempty"`
}

func bundleOf(key *PublicKey, envelope *dsse.Envelope) ([]byte, error) {
	b := bundle{MediaType: mediaBundle, Envelope: envelope}
	b.Material.PublicKey = &struct {
		Hint string `json:"hint"`
	}{key.hint()}
	return jsonout.Compact(b)
}

// ReadPredicate checks a predicate that a user gives.
func ReadPredicate(kind string, data []byte) (Predicate, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return Predicate{}, fmt.Errorf("a predicate is a JSON object: %w", err)
	}
	p := Predicate{Type: predicates.Type(kind), Data: data}
	if !strings.Contains(p.Type, "://") {
		return p, fmt.Errorf("the predicate type %q is neither a URI nor one of %s", kind, strings.Join(predicates.Names(), ", "))
	}
	if p.Type == predicateSigned {
		return p, errors.New("this predicate type is that of signatures")
	}
	if p.Type == predicates.Release && len(fields["purl"]) == 0 {
		return p, errors.New("a release needs a purl: readers take it for granted")
	}
	return p, nil
}

func fromBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }
