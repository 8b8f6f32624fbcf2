package sign

import (
	"context"
	"encoding/base64"

	"github.com/slimimage/slim/analyzer/jsonout"
)

// File is a file that a statement is about: its name and the SHA-256 of its content in hexadecimal.
type File struct{ Name, SHA256 string }

// Statement is an in-toto statement: a predicate about files.
func Statement(files []File, p Predicate) ([]byte, error) {
	s := statement{Type: typeStatement, PredicateType: p.Type, Predicate: p.Data}
	for _, f := range files {
		s.Subject = append(s.Subject, resource{f.Name, map[string]string{"sha256": f.SHA256}})
	}
	return jsonout.Compact(s)
}

// Bundle signs a statement. The result is a Sigstore bundle, as cosign verify-blob-attestation reads it.
func Bundle(ctx context.Context, key *PrivateKey, statement []byte) ([]byte, error) {
	envelope, err := envelopeOf(ctx, key, statement)
	if err != nil {
		return nil, err
	}
	return bundleOf(key.Public, envelope)
}

// Detached is the signature of a file's content in base64, as cosign verify-blob and openssl dgst read it.
func Detached(ctx context.Context, key *PrivateKey, content []byte) ([]byte, error) {
	signature, err := key.Sign(ctx, content)
	if err != nil {
		return nil, err
	}
	return []byte(base64.StdEncoding.EncodeToString(signature) + "\n"), nil
}
