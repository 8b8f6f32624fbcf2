package analyzer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
)

// SealEnv encrypts the content of EnvFile for the steps of one build. The identifier of the secret that carries it is the same in every
// build, because it is a part of BuildKit's cache key. The key of the encryption follows from the number of the build, which only steps
// that run an image get (RunIDEnv) and which is no part of the cache key.
func SealEnv(env []string, runID string) ([]byte, error) {
	box, err := envBox(runID)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce) // never fails (crypto/rand documentation since Go 1.24)
	return box.Seal(nonce, nonce, []byte(strings.Join(env, "\x00")), nil), nil
}

// OpenEnv decrypts what SealEnv returned for the same build.
func OpenEnv(data []byte, runID string) ([]string, error) {
	box, err := envBox(runID)
	if err != nil {
		return nil, err
	}
	if len(data) < box.NonceSize() {
		return nil, errors.New("the environment of the run is cut off")
	}
	plain, err := box.Open(nil, data[:box.NonceSize()], data[box.NonceSize():], nil)
	if err != nil {
		return nil, errors.New("the environment of the run is of another build")
	}
	return strings.Split(string(plain), "\x00"), nil
}

func envBox(runID string) (cipher.AEAD, error) {
	if runID == "" {
		return nil, errors.New("the run has no number")
	}
	key := sha256.Sum256([]byte("slim: environment of run " + runID))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
