package statedir

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// keySize is the length of the key in bytes.
const keySize = 32

// Seal is a code of data that only slim with this user's cache can make (RFC 2104). It shows that a file that lies among files of others
// was written by this user's slim.
func Seal(data []byte) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	key, err := keyIn(dir)
	if err != nil {
		return "", err
	}
	code := hmac.New(sha256.New, key)
	code.Write(data)
	return hex.EncodeToString(code.Sum(nil)), nil
}

// keyIn reads the key of a directory, and makes it first if there is none.
func keyIn(dir string) ([]byte, error) {
	name := filepath.Join(dir, "key")
	key, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(dir, name); err != nil {
			return nil, err
		}
		key, err = os.ReadFile(name)
	}
	if err == nil && len(key) != keySize {
		err = fmt.Errorf("%s has %d bytes, not %d: remove it", name, len(key), keySize)
	}
	return key, err
}

// makeKey gives a complete key its name, unless another slim was faster.
func makeKey(dir, name string) error {
	part, err := os.CreateTemp(dir, "key-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	key := make([]byte, keySize)
	rand.Read(key) // never fails (crypto/rand documentation since Go 1.24)
	_, err = part.Write(key)
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	if err := os.Link(part.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
