//go:build unix

package infile

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a working directory with files that a repository may have, beside a secret of the operator.
func tree(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "repo")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub", "dir"), 0o755),
		os.WriteFile(filepath.Join(base, "secret"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600),
		os.Symlink("../secret", filepath.Join(dir, "out")),
		os.Symlink(filepath.Join(base, "secret"), filepath.Join(dir, "absolute")),
		os.Symlink("../..", filepath.Join(dir, "sub", "up")),
		os.Symlink("../file", filepath.Join(dir, "sub", "in")),
		os.Symlink("/dev/zero", filepath.Join(dir, "zero")),
		os.Symlink("/dev/stdin", filepath.Join(dir, "stdin")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

// TestAttackFiles reads what a repository may hold in place of a file.
func TestAttackFiles(t *testing.T) {
	dir := tree(t)
	for _, test := range []struct{ name, want string }{
		{"file", ""},
		{"sub/in", ""},
		{filepath.Join(dir, "file"), ""},
		{"../secret", ""}, // the operator names it
		{"out", "leads out of"},
		{"absolute", "leads out of"},
		{"sub/up/secret", "leads out of"},
		{filepath.Join(dir, "sub/up/secret"), "leads out of"},
		{"zero", "leads out of"},
		{"stdin", "leads out of"},
		{"pipe", "a named pipe, not a regular file"},
		{"sub", "a directory, not a regular file"},
		{"missing", "no such file"},
		{"/dev/zero", "a device, not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				_, err := Read(test.name, 100)
				done <- err
			}()
			select {
			case err := <-done:
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("Read(%q) = %v, want an error with %q", test.name, err, test.want)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("Read(%q) waits", test.name)
			}
		})
	}
	if _, err := Read("file", 3); err == nil || !strings.Contains(err.Error(), "the limit is 3") {
		t.Errorf("Read() of a large file = %v", err)
	}
}

// A repository outside of the working directory is known by its .git, or because the caller says so.
func TestTree(t *testing.T) {
	dir := tree(t)
	t.Chdir(t.TempDir())
	name := filepath.Join(dir, "sub", "up", "secret")
	if got, _ := Tree(name); got != "" {
		t.Fatalf("Tree() = %q, want none", got)
	}
	if got, rel := Tree(name, dir, filepath.Join(dir, "sub")); got != filepath.Join(dir, "sub") || rel != "up/secret" {
		t.Errorf("Tree() = %q, %q, want the innermost", got, rel)
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, rel := Tree(name); got != dir || rel != "sub/up/secret" {
		t.Errorf("Tree() = %q, %q, want the work tree %q", got, rel, dir)
	}
	if _, err := Read(name, 100); err == nil {
		t.Error("Read() follows a link out of a work tree")
	}
}

// An archive of an image may be behind a link, but never a pipe or a device.
func TestOpenRegular(t *testing.T) {
	dir := tree(t)
	for name, want := range map[string]bool{"file": true, "out": true, "pipe": false, "zero": false, filepath.Join(dir, "sub"): false} {
		f, err := OpenRegular(name)
		if (err == nil) != want {
			t.Errorf("OpenRegular(%s) = %v, want success: %t", name, err, want)
		}
		if err == nil {
			f.Close()
		}
	}
}

func TestReadIn(t *testing.T) {
	root, err := os.OpenRoot(tree(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if data, err := ReadIn(root, "sub/in", 100); err != nil || string(data) != "text" {
		t.Errorf("ReadIn(sub/in) = %q, %v, want text", data, err)
	}
	for _, name := range []string{"out", "pipe", "../secret", "sub/up/secret"} {
		if data, err := ReadIn(root, name, 100); err == nil {
			t.Errorf("ReadIn(%s) = %q, want an error", name, data)
		}
	}
}

func TestStays(t *testing.T) {
	tree(t)
	for name, want := range map[string]bool{"sub": true, "sub/in": true, "sub/new/deep": true, "../secret": true, "/etc": true,
		"out": false, "sub/up": false, "sub/up/new": false, "zero": false} {
		if err := Stays(name); (err == nil) != want {
			t.Errorf("Stays(%q) = %v, want %v", name, err, want)
		}
	}
}

// A pipe of the caller, as bash makes one for <(command), is read to its end.
func TestInherited(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		time.Sleep(50 * time.Millisecond)
		w.WriteString("late")
		w.Close()
	}()
	name := filepath.Join("/dev/fd", fd(r))
	if data, err := Read(name, 100); err != nil || string(data) != "late" {
		t.Errorf("Read(%s) = %q, %v, want late", name, data, err)
	}
}

func fd(f *os.File) string { return strconv.FormatUint(uint64(f.Fd()), 10) }
