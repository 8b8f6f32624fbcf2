package sign

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

// ErrEncrypted is returned by ParsePrivateKey for an encrypted key without a password.
var ErrEncrypted = errors.New("the key is encrypted and no password was given")

var errSignature = errors.New("the signature does not fit")

// PublicKey is an ECDSA (P-256, P-384, P-521), RSA (2048 to 8192 bits) or Ed25519 key.
type PublicKey struct {
	key  crypto.PublicKey
	hash crypto.Hash // 0 for Ed25519
	der  []byte      // PKIX
	id   string
}

// PrivateKey signs. It implements dsse.Signer.
type PrivateKey struct {
	Public *PublicKey
	signer crypto.Signer
}

// ParsePublicKey reads a PEM block of type PUBLIC KEY.
func ParsePublicKey(data []byte) (*PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not a PEM file")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("it is a PEM block of type %q, not PUBLIC KEY", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the public key: %w", err)
	}
	return newPublicKey(key)
}

// newPublicKey chooses the hash that Sigstore's tools choose for a key.
func newPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	k := &PublicKey{key: key, hash: crypto.SHA256}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
		case elliptic.P384():
			k.hash = crypto.SHA384
		case elliptic.P521():
			k.hash = crypto.SHA512
		default:
			return nil, fmt.Errorf("the curve %s is not supported: P-256, P-384 and P-521 are", key.Curve.Params().Name)
		}
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return nil, fmt.Errorf("the RSA key has %d bits, not 2048 to 8192", bits)
		}
	case ed25519.PublicKey:
		k.hash = 0
	default:
		return nil, fmt.Errorf("keys of type %T are not supported: ECDSA, RSA and Ed25519 are", key)
	}
	var err error
	if k.der, err = x509.MarshalPKIXPublicKey(key); err != nil {
		return nil, fmt.Errorf("writing the public key: %w", err)
	}
	k.id, err = dsse.SHA256KeyID(key)
	return k, err
}

// ID names the key: its fingerprint as ssh-keygen prints it, "SHA256:...". Sigstore's verifiers take no other name in an envelope.
func (k *PublicKey) ID() string { return k.id }

// PEM is the key as ParsePublicKey reads it.
func (k *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der})
}

// hint is how bundles name the key, as cosign has it.
func (k *PublicKey) hint() string {
	sum := sha256.Sum256(k.der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// digest is the input of the signature of a message: its SHA-256 digest, for Ed25519 the message itself.
func (k *PublicKey) digest(message []byte) []byte {
	if k.hash == 0 {
		return message
	}
	h := k.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

func (k *PublicKey) verify(message, signature []byte) error {
	ok, digest := false, k.digest(message)
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(key, digest, signature)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(key, k.hash, digest, signature) == nil
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, digest, signature)
	}
	if !ok {
		return errSignature
	}
	return nil
}

// ParsePrivateKey reads a PEM file: cosign's encrypted key (password may be empty, nil is none), or PKCS#8, SEC 1 and PKCS#1 without
// encryption.
func ParsePrivateKey(data, password []byte) (*PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not a PEM file")
	}
	key, err := parsePrivate(block, password)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys of type %T are not supported: ECDSA, RSA and Ed25519 are", key)
	}
	public, err := newPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{Public: public, signer: signer}, nil
}

func parsePrivate(block *pem.Block, password []byte) (any, error) {
	switch block.Type {
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		if password == nil {
			return nil, ErrEncrypted
		}
		der, err := encrypted.Decrypt(block.Bytes, password)
		if err != nil {
			return nil, errors.New("the password does not open the key")
		}
		return x509.ParsePKCS8PrivateKey(der)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return nil, fmt.Errorf("it is a PEM block of type %q, not a private key that slim reads", block.Type)
}

// Sign implements dsse.Signer. Without a source of chance ECDSA signs as RFC 6979 has it, so that the same message gets the same signature.
func (k *PrivateKey) Sign(_ context.Context, message []byte) ([]byte, error) {
	return k.signer.Sign(nil, k.Public.digest(message), k.Public.hash)
}

// KeyID implements dsse.Signer.
func (k *PrivateKey) KeyID() (string, error) { return k.Public.id, nil }
