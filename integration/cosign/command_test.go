package cosign

import (
	"context"
	"crypto"
	"os"
	"path/filepath"
	"testing"

	"github.com/sigstore/cosign/v3/cmd/cosign/cli/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// The commands themselves: cosign verify and cosign verify-attestation, with what a user types after them.
func TestCosign3Commands(t *testing.T) {
	k, ctx := newKeys(t), context.Background()
	public := publicFile(t, k)
	quiet(t)
	for _, format := range []string{"legacy", "bundle", "legacy,bundle"} {
		for _, digest := range signed(t, format, true, k) {
			command := verify.VerifyCommand{KeyRef: public, CheckClaims: true, IgnoreTlog: true, Offline: true, NewBundleFormat: true, HashAlgorithm: crypto.SHA256}
			if err := command.Exec(ctx, []string{digest.String()}); err != nil {
				t.Errorf("%s: cosign verify: %v", format, err)
			}
			for _, kind := range []string{"cyclonedx", typeVEX} {
				command := verify.VerifyAttestationCommand{KeyRef: public, CheckClaims: true, IgnoreTlog: true, Offline: true, PredicateType: kind, HashAlgorithm: crypto.SHA256}
				command.NewBundleFormat = true
				if err := command.Exec(ctx, []string{digest.String()}); err != nil {
					t.Errorf("%s: cosign verify-attestation --type %s: %v", format, kind, err)
				}
			}
		}
	}
}

// publicFile writes the public key of a pair.
func publicFile(t *testing.T, k keys) string {
	t.Helper()
	data, err := cryptoutils.MarshalPublicKeyToPEM(k.public)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cosign.pub")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// quiet keeps what cosign prints out of the test's output.
func quiet(t *testing.T) {
	t.Helper()
	stdout, stderr := os.Stdout, os.Stderr
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout, os.Stderr = null, null
	t.Cleanup(func() { os.Stdout, os.Stderr = stdout, stderr })
}
