package layers

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Only a blob of this boot counts as hashed.
func TestHashed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "blob")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Hashed(file) {
		t.Error("a file that slim did not write counts as hashed")
	}
	if err := unix.Setxattr(file, bootAttribute, []byte("before"), 0); err != nil {
		t.Skipf("the file system has no attributes: %v", err)
	}
	if Hashed(file) {
		t.Error("a blob of an earlier boot counts as hashed")
	}
	markHashed(f)
	if !Hashed(file) {
		t.Error("a blob of this boot does not count as hashed")
	}
}
