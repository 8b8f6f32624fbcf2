package analyzer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAttackEvidenceDir tries what a container can leave in the directory of its evidence.
func TestAttackEvidenceDir(t *testing.T) {
	var good bytes.Buffer
	e := &Evidence{Schema: EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64",
		Runs: []Run{{Name: "a", Argv: []string{"a"}, Kind: KindCommand}}}
	if err := e.Write(&good); err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	if err := os.WriteFile(filepath.Join(base, "secret.json"), good.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		make func(file string) error
		want string
	}{
		"evidence":       {func(file string) error { return os.WriteFile(file, good.Bytes(), 0o600) }, ""},
		"relative link":  {func(file string) error { return os.Symlink("../secret.json", file) }, "leads out of"},
		"absolute link":  {func(file string) error { return os.Symlink(filepath.Join(base, "secret.json"), file) }, "leads out of"},
		"endless device": {func(file string) error { return os.Symlink("/dev/zero", file) }, "leads out of"},
		"pipe":           {func(file string) error { return unix.Mkfifo(file, 0o666) }, "a named pipe"},
		"directory":      {func(file string) error { return os.Mkdir(file, 0o700) }, "a directory"},
		"something else": {func(file string) error { return os.WriteFile(file, []byte("root:*:"), 0o600) }, "reading evidence"},
		"a sparse giant": {func(file string) error {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(file, 1<<40)
		}, "the limit is"},
	} {
		dir := filepath.Join(base, "evidence")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := test.make(filepath.Join(dir, "web.json")); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := ReadEvidenceDir(dir)
			done <- err
		}()
		select {
		case err := <-done:
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s: %v, want an error with %q", name, err, test.want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: ReadEvidenceDir waits", name)
		}
	}
}
