package agent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestDir(t *testing.T) {
	agents, cache := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(agents, "slim-sensor-linux-amd64"), []byte("agent"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLIM_AGENT", agents)
	first, err := Dir(cache, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(first, Name))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("Dir left %v, %v; want an executable", info, err)
	}
	again, err := Dir(cache, "amd64")
	if err != nil || again != first {
		t.Errorf("Dir again = %q, %v, want %q", again, err, first)
	}
	if err := os.WriteFile(filepath.Join(first, Name), []byte("tnega"), 0o755); err != nil {
		t.Fatal(err)
	}
	if again, err = Dir(cache, "amd64"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(again, Name)); err != nil || string(data) != "agent" {
		t.Errorf("Dir left %q, %v, want the carried agent in place of another program of the same size", data, err)
	}
	if err := os.WriteFile(filepath.Join(agents, "slim-sensor-linux-amd64"), []byte("tnega"), 0o644); err != nil {
		t.Fatal(err)
	}
	other, err := Dir(cache, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := os.Stat(filepath.Join(other, Name)); err != nil || changed.ModTime().Equal(info.ModTime()) {
		t.Errorf("another agent of the same size has the mtime %v too (%v)", changed.ModTime(), err)
	}
	if _, err := Dir(cache, "riscv64"); err == nil {
		t.Error("Dir of a platform without agent succeeded")
	}
	t.Setenv("SLIM_AGENT", "")
	if _, err := Dir(cache, "none"); !errors.Is(err, ErrNotCarried) {
		t.Errorf("Dir of an architecture that is not carried = %v, want ErrNotCarried", err)
	}
}
