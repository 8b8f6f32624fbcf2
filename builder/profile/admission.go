package profile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// Admission returns two policies for the two admission controllers that a cluster may have: a ClusterPolicy of Kyverno and a
// ClusterImagePolicy of sigstore's policy-controller. Both admit the image only if the key signed it and the attestations of
// Model.Predicates. publicKeyPEM is a PKIX public key. It returns an error if check refuses the Model or the public key is missing.
func Admission(m Model, publicKeyPEM []byte) ([]byte, error) {
	key, err := publicKey(publicKeyPEM)
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return nil, fmt.Errorf("admission policies: %w", err)
	}
	data, err := documents(nil, m.kyverno(key), m.policyController(key))
	if err != nil {
		return nil, fmt.Errorf("admission policies: %w", err)
	}
	return data, nil
}

// publicKey returns only the key block of a PEM text.
func publicKey(text []byte) (string, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return "", errors.New("the key is no PEM block of type PUBLIC KEY")
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return "", fmt.Errorf("reading the public key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})), nil
}

// repository is the image without tag and digest, with its registry: "docker.io/library/app".
func (m Model) repository() string {
	named, err := reference.ParseNormalizedNamed(m.Image)
	if err != nil {
		return m.Image // check has refused it before
	}
	return reference.TrimNamed(named).Name()
}

// kyverno is a ClusterPolicy (kyverno.io/v1). It reads the signature from the registry and uses no transparency log.
func (m Model) kyverno(key string) object {
	offline := object{"keys": object{"publicKeys": key, "rekor": object{"ignoreTlog": true}, "ctlog": object{"ignoreSCT": true}}}
	attestors := []any{object{"count": 1, "entries": []any{offline}}}
	verify := object{
		"imageReferences": []string{m.repository() + ":*", m.repository() + "@*"},
		"mutateDigest":    true, "verifyDigest": true, "required": true,
		"attestors": attestors,
	}
	var attestations []any
	for _, predicate := range m.Predicates {
		attestations = append(attestations, object{"type": predicate, "attestors": attestors})
	}
	if len(attestations) > 0 {
		verify["attestations"] = attestations
	}
	return object{
		"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": object{"name": "verify-" + m.Name},
		"spec": object{
			"validationFailureAction": "Enforce", "background": false, "failurePolicy": "Fail", "webhookTimeoutSeconds": 30,
			"rules": []any{object{
				"name":         "signature",
				"match":        object{"any": []any{object{"resources": object{"kinds": []string{"Pod"}}}}},
				"verifyImages": []any{verify},
			}},
		},
	}
}

// policyController is a ClusterImagePolicy (policy.sigstore.dev/v1beta1). Its globs see Docker Hub as index.docker.io. It judges
// namespaces that are labelled policy.sigstore.dev/include=true.
func (m Model) policyController(key string) object {
	repository := m.repository()
	if rest, found := strings.CutPrefix(repository, "docker.io/"); found {
		repository = "index.docker.io/" + rest
	}
	authority := object{"name": "key", "key": object{"data": key, "hashAlgorithm": "sha256"}}
	authorities := []any{authority}
	if len(m.Predicates) > 0 {
		var attestations []any
		for i, predicate := range m.Predicates {
			attestations = append(attestations, object{"name": fmt.Sprintf("predicate-%d", i), "predicateType": predicate})
		}
		authority["attestations"] = attestations
	}
	return object{
		"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy", "metadata": object{"name": "verify-" + m.Name},
		"spec": object{"mode": "enforce", "images": []any{object{"glob": repository + ":*"}, object{"glob": repository + "@*"}},
			"authorities": authorities},
	}
}
