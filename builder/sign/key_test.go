package sign

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestKeys(t *testing.T) {
	p256, p521 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte { return must(x509.MarshalPKCS8PrivateKey(key)) }
	for name, block := range map[string]*pem.Block{
		"P-256":                    {Type: "PRIVATE KEY", Bytes: pkcs8(p256)},
		"P-521":                    {Type: "PRIVATE KEY", Bytes: pkcs8(p521)},
		"P-256, SEC 1":             {Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(p256))},
		"RSA":                      {Type: "PRIVATE KEY", Bytes: pkcs8(rsaKey)},
		"RSA, PKCS#1":              {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)},
		"Ed25519":                  {Type: "PRIVATE KEY", Bytes: pkcs8(edKey)},
		"encrypted":                {Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: must(encrypted.Encrypt(pkcs8(p256), []byte("secret")))},
		"encrypted, cosign's name": {Type: "ENCRYPTED COSIGN PRIVATE KEY", Bytes: must(encrypted.Encrypt(pkcs8(edKey), []byte("secret")))},
	} {
		key, err := ParsePrivateKey(pem.EncodeToMemory(block), []byte("secret"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		public, err := ParsePublicKey(key.Public.PEM())
		if err != nil || public.ID() != key.Public.ID() {
			t.Errorf("%s: public key: %v", name, err)
			continue
		}
		signature := must(key.Sign(context.Background(), []byte("message")))
		if string(signature) != string(must(key.Sign(context.Background(), []byte("message")))) {
			t.Errorf("%s: two signatures of one message differ", name)
		}
		if err := public.verify([]byte("message"), signature); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if public.verify([]byte("massage"), signature) == nil || public.verify([]byte("message"), nil) == nil {
			t.Errorf("%s: a wrong signature is taken", name)
		}
	}
}

func TestBadKeys(t *testing.T) {
	der := must(x509.MarshalPKCS8PrivateKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	locked := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: must(encrypted.Encrypt(der, []byte("secret")))})
	if _, err := ParsePrivateKey(locked, nil); !errors.Is(err, ErrEncrypted) {
		t.Errorf("no password: %v", err)
	}
	small := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	for name, data := range map[string][]byte{
		"wrong password": locked,
		"no PEM":         []byte("key"),
		"public":         pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"broken":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der[1:]}),
		"P-224":          pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(small))}),
		"scrypt bomb": pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY",
			Bytes: []byte(`{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1},"salt":"AA=="},"cipher":{"name":"nacl/secretbox","nonce":"AA=="},"ciphertext":"AA=="}`)}),
	} {
		if _, err := ParsePrivateKey(data, []byte("guess")); err == nil {
			t.Errorf("%s: it is taken", name)
		}
		if _, err := ParsePublicKey(data); err == nil {
			t.Errorf("%s: it is taken for a public key", name)
		}
	}
}
