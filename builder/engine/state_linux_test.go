//go:build !frontend

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open locks a state directory.
func open(t *testing.T, root string) (*state, []string) {
	t.Helper()
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := openState(t.Context(), root)
	if err != nil || s == nil {
		t.Fatalf("openState() = %v, %v", s, err)
	}
	var notices []string
	if err := s.check(&Options{Notice: func(text string) { notices = append(notices, text) }}); err != nil {
		t.Fatal(err)
	}
	return s, notices
}

// waitBriefly makes waits for a state directory short.
func waitBriefly(t *testing.T) {
	before := lockWait
	lockWait = time.Millisecond
	t.Cleanup(func() { lockWait = before })
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A state directory has one user at a time.
func TestStateIsLocked(t *testing.T) {
	waitBriefly(t)
	root := filepath.Join(t.TempDir(), "cache", "buildkit")
	first, notices := open(t, root)
	if first.private || first.dir != root || len(notices) > 0 {
		t.Errorf("first openState: private %t, %s, notices %q", first.private, first.dir, notices)
	}
	if second, err := openState(t.Context(), root); second != nil || err != nil {
		t.Errorf("second openState() = %v, %v, want none", second, err)
	}
	if err := first.close(); err != nil || !exists(root) {
		t.Errorf("close() = %v, the directory exists: %t", err, exists(root))
	}
	third, _ := open(t, root)
	third.close()
}

// A private state directory is removed with its content.
func TestPrivateState(t *testing.T) {
	parent := t.TempDir()
	s, err := privateState(&Options{}, parent)
	if err != nil {
		t.Fatal(err)
	}
	if !s.private || filepath.Dir(s.dir) != parent {
		t.Errorf("privateState() = %+v, want one below %s", s, parent)
	}
	write(t, filepath.Join(s.dir, "cache.db"), "x")
	if err := s.close(); err != nil || exists(s.dir) {
		t.Errorf("close() of a private state = %v, its directory exists: %t", err, exists(s.dir))
	}
}

// The databases of another BuildKit version are discarded, those of the same version stay.
func TestStateVersion(t *testing.T) {
	root := t.TempDir()
	s, _ := open(t, root)
	s.close()
	kept := filepath.Join(root, "cache.db")
	write(t, kept, "x")
	s, notices := open(t, root)
	s.close()
	if !exists(kept) || len(notices) > 0 {
		t.Errorf("same version: cache.db exists %t, notices %q", exists(kept), notices)
	}
	write(t, filepath.Join(root, "version"), "v0.0.1")
	write(t, filepath.Join(root, "snapshots", "1", "file"), "x")
	s, notices = open(t, root)
	s.close()
	if exists(kept) || exists(filepath.Join(root, "snapshots")) || !exists(filepath.Join(root, "lock")) {
		t.Errorf("another version: cache.db exists %t, snapshots %t, lock %t, want only the lock",
			exists(kept), exists(filepath.Join(root, "snapshots")), exists(filepath.Join(root, "lock")))
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "v0.0.1") {
		t.Errorf("notices = %q, want one that names v0.0.1", notices)
	}
	if got, err := os.ReadFile(filepath.Join(root, "version")); err != nil || string(got) != moduleVersion("github.com/moby/buildkit") {
		t.Errorf("version = %q, %v", got, err)
	}
}

func TestPrune(t *testing.T) {
	cache := t.TempDir()
	root := filepath.Join(cache, "buildkit")
	for _, name := range []string{"buildkit/content/blob", "images/app/index.json", "agent/slim-sensor", "other/file"} {
		write(t, filepath.Join(cache, name), strings.Repeat("x", 8192))
	}
	s, _ := open(t, root)
	waitBriefly(t)
	if freed, err := Prune(t.Context(), Options{Root: root}); err == nil || freed != 0 || !exists(filepath.Join(root, "content")) {
		t.Errorf("Prune() beside another slim = %d, %v, content exists %t", freed, err, exists(filepath.Join(root, "content")))
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "private-*")); len(left) > 0 {
		t.Errorf("Prune() beside another slim left %q", left)
	}
	s.close()
	freed, err := Prune(t.Context(), Options{Root: root})
	if err != nil || freed < 3*8192 || freed > 5*8192 {
		t.Errorf("Prune() = %d, %v, want the space of three files", freed, err)
	}
	for name, want := range map[string]bool{"buildkit/content": false, "images": false, "agent": false, "other/file": true,
		"buildkit/lock": true} {
		if got := exists(filepath.Join(cache, name)); got != want {
			t.Errorf("after Prune() %s exists: %t, want %t", name, got, want)
		}
	}
}

// A snapshot may contain directories without write permission for their owner.
func TestRemoveAllReadOnlyDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	write(t, filepath.Join(dir, "a", "b", "file"), "x")
	for _, name := range []string{"a/b", "a"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeAll(dir); err != nil || exists(dir) {
		t.Errorf("removeAll() = %v, the directory exists: %t", err, exists(dir))
	}
}

func TestSize(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), strings.Repeat("x", 1<<20))
	alone := size(dir)
	if alone < 1<<20 || alone > 1<<20+1<<16 {
		t.Errorf("size() = %d, want about 1 MiB", alone)
	}
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if got := size(dir); got != alone {
		t.Errorf("size() with a hard link = %d, want %d: links share their blocks", got, alone)
	}
}

func TestRegistries(t *testing.T) {
	hosts := registries([]string{"reg.example:5000"})
	for host, want := range map[string]string{"localhost:5000": "http", "127.0.0.1:5000": "http", "[::1]:5000": "http",
		"reg.example:5000": "http", "reg.example": "https", "10.0.0.1:5000": "https"} {
		got, err := hosts(host)
		if err != nil || len(got) == 0 || got[0].Scheme != want {
			t.Errorf("registries()(%q) = %v, %v, want scheme %q first", host, got, err, want)
		}
	}
}
