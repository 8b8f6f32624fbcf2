package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/slimimage/slim/analyzer"
)

// TestAttackSeal: only what the agent of this build wrote is accepted, whatever else lies in the directory.
func TestAttackSeal(t *testing.T) {
	evidence := &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64"}
	const token = "secret"
	for _, test := range []struct {
		name  string
		token string // of the step that accepts
		spoil func(dir string) error
		code  int
	}{
		{"untouched", token, func(string) error { return nil }, 0},
		{"another build", "other", func(string) error { return nil }, analyzer.ExitUnsealed},
		{"no token", "", func(string) error { return nil }, analyzer.ExitUnsealed},
		{"other evidence", token, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, evidenceName), []byte("{}"), 0o644)
		}, analyzer.ExitUnsealed},
		{"no seal", token, func(dir string) error { return os.Remove(filepath.Join(dir, sealName)) }, analyzer.ExitUnsealed},
		{"no evidence", token, func(dir string) error { return os.Remove(filepath.Join(dir, evidenceName)) }, analyzer.ExitUnsealed},
		{"a FIFO", token, func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, evidenceName)), syscall.Mkfifo(filepath.Join(dir, evidenceName), 0o644))
		}, 1},
		{"a link out", token, func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, evidenceName)), os.Symlink("/etc/passwd", filepath.Join(dir, evidenceName)))
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, out := t.TempDir(), t.TempDir()
			t.Setenv(analyzer.RunIDEnv, "run")
			t.Setenv(analyzer.TokenEnv, token)
			// What the application made before: a directory, a link out of it, a FIFO.
			err := errors.Join(os.MkdirAll(filepath.Join(in, evidenceName, "sub"), 0o755), os.Symlink("/dev/full", filepath.Join(in, sealName)),
				syscall.Mkfifo(filepath.Join(in, runIDName), 0o644), writeSealed(in, evidence), test.spoil(in))
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv(analyzer.TokenEnv, test.token)
			if code := run(t.Context(), []string{"slim-sensor", "accept", "--in", in, "--out", out}); code != test.code {
				t.Errorf("accept = %d, want %d", code, test.code)
			}
			if _, err := os.Stat(filepath.Join(out, evidenceName)); (err == nil) != (test.code == 0) {
				t.Errorf("the accepted evidence: %v", err)
			}
		})
	}
}
