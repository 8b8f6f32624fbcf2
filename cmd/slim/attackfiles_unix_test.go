//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// readsOnly reads a command line of build as far as its files, and returns the error of it.
func readsOnly(t *testing.T, args ...string) error {
	t.Helper()
	var out bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &out}
	p.job = func(c *cli.Context) error {
		_, err := p.prepare(c)
		return err
	}
	done := make(chan error, 1)
	go func() { done <- p.run(context.Background(), append([]string{"slim", "build"}, args...)) }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("slim build %q waits", args)
		return nil
	}
}

// TestAttackProjectFile tries what the author of a pull request may put in place of .slim.yaml and of the files that it names.
func TestAttackProjectFile(t *testing.T) {
	base := t.TempDir()
	secret := filepath.Join(base, "secret")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(secret, "hunter2: of the operator\n")
	t.Chdir(t.TempDir())
	for name, test := range map[string]struct {
		make func(file string)
		want string
	}{
		"no file":        {func(string) {}, ""},
		"link":           {func(file string) { _ = os.Symlink(secret, file) }, "leads out of"},
		"relative link":  {func(file string) { _ = os.Symlink("../secret", file) }, "leads out of"},
		"endless":        {func(file string) { _ = os.Symlink("/dev/zero", file) }, "leads out of"},
		"pipe":           {func(file string) { _ = unix.Mkfifo(file, 0o600) }, "a named pipe"},
		"large":          {func(file string) { write(file, strings.Repeat("#", maxUserFile+1)) }, "the limit is"},
		"probe above":    {func(file string) { write(file, "build: {probe: ../secret}\n") }, "not in the build context"},
		"probe absolute": {func(file string) { write(file, "build: {probe: /etc/shadow}\n") }, "not in the build context"},
		"engine":         {func(file string) { write(file, "build: {engine: tcp://evil}\n") }, "unknown key"},
		"probe is a link": {func(file string) {
			write(file, "build: {probe: probe.yaml}\n")
			_ = os.Symlink("../secret", filepath.Join(filepath.Dir(file), "probe.yaml"))
		}, "leads out of"},
		"probe is a pipe": {func(file string) {
			write(file, "build: {probe: probe.yaml}\n")
			_ = unix.Mkfifo(filepath.Join(filepath.Dir(file), "probe.yaml"), 0o600)
		}, "a named pipe"},
	} {
		dir := filepath.Join(base, "repo")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(dir, "Dockerfile"), "FROM scratch\n")
		test.make(filepath.Join(dir, ".slim.yaml"))
		err := readsOnly(t, "-f", filepath.Join(dir, "Dockerfile"), dir)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error has the operator's file: %v", name, err)
		}
	}
}

// TestAttackNamedFiles tries links and pipes in place of files that the command line names in a repository.
func TestAttackNamedFiles(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "repo")
	for _, err := range []error{
		os.Mkdir(dir, 0o755),
		os.WriteFile(filepath.Join(base, "secret"), []byte("hunter2"), 0o600),
		os.Symlink("../secret", filepath.Join(dir, "link")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		os.WriteFile(filepath.Join(dir, "env"), []byte("A=1\nHOME\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, flag := range []string{"--probe=", "--evidence=", "--locked=", "--env-file="} {
		for name, want := range map[string]string{"link": "leads out of", "pipe": "a named pipe"} {
			if err := readsOnly(t, "image:1", flag+name); err == nil || !strings.Contains(err.Error(), want) ||
				strings.Contains(err.Error(), "hunter2") {
				t.Errorf("slim build %s%s: %v, want an error with %q", flag, name, err, want)
			}
		}
	}
	elsewhere := t.TempDir() // a directory that a container wrote its evidence into
	if err := os.Symlink(filepath.Join(base, "secret"), filepath.Join(elsewhere, "web.json")); err != nil {
		t.Fatal(err)
	}
	if err := readsOnly(t, "image:1", "--evidence="+elsewhere+"/web.json"); err == nil || !strings.Contains(err.Error(), "leads out of") {
		t.Errorf("--evidence of a link: %v", err)
	}
	if err := readsOnly(t, "image:1", "--mount=./link:/secret"); err == nil || !strings.Contains(err.Error(), "leads out of") {
		t.Errorf("--mount of a link: %v", err)
	}
	if err := readsOnly(t, "image:1", "--env-file=env"); err == nil || !strings.Contains(err.Error(), "line 2 takes a value from the env") {
		t.Errorf("--env-file with a name alone: %v", err)
	}
}

// TestAttackDeafToSignals ends slim while it waits for standard input.
func TestAttackDeafToSignals(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "evidence", "show", "-")
	cmd.Args[0] = "slim" // testscript.Main takes it for the program
	cmd.Stdin = r
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
		if code := cmd.ProcessState.ExitCode(); code != exitCancelled {
			t.Errorf("exit code %d, want %d", code, exitCancelled)
		}
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		t.Error("SIGTERM does not end slim")
	}
}
