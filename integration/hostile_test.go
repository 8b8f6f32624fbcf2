//go:build e2e

package integration

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// refused runs a build that has to fail: one clear line on stderr that names what is wrong, the exit code, and no output file.
func refused(t *testing.T, code int, want string, args ...string) {
	t.Helper()
	dest := filepath.Join(t.TempDir(), "out.tar")
	out := slim(t, append([]string{"build", "--progress", "quiet", "--output", "type=oci,dest=" + dest}, args...)...)
	if out.code != code {
		t.Errorf("exit code = %d, want %d", out.code, code)
	}
	if !strings.Contains(out.stderr, want) {
		t.Errorf("stderr does not say %q:\n%s", want, tail(out.stderr, 12))
	}
	if strings.Contains(out.stderr, "panic") || strings.Contains(out.stderr, "goroutine ") {
		t.Errorf("stderr has a panic:\n%s", tail(out.stderr, 30))
	}
	left, err := os.ReadDir(filepath.Dir(dest))
	if err != nil || len(left) != 0 {
		t.Errorf("it left %v (%v) behind", left, err)
	}
}

func TestHostileInputs(t *testing.T) {
	img := smallImage(t)
	t.Run("no entrypoint program", func(t *testing.T) {
		refused(t, 3, "/nowhere", addToLayout(t, "nowhere", img, v1.Config{Entrypoint: []string{"/nowhere"}}))
	})
	t.Run("nothing to run", func(t *testing.T) {
		refused(t, 1, "neither ENTRYPOINT nor CMD", addToLayout(t, "nothing", img, v1.Config{}))
	})
	t.Run("another architecture", func(t *testing.T) {
		refused(t, 1, "s390x", foreign(t, img))
	})
	t.Run("names that climb out", func(t *testing.T) {
		ref := addToLayout(t, "climb", withEntries(t, img, tar.Header{Name: "../../escape", Typeflag: tar.TypeReg, Mode: 0o644}), smallConfig)
		out := slim(t, "build", "--progress", "quiet", "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"), ref)
		if out.code != 0 && out.code != 1 {
			t.Errorf("exit code = %d, want 0 or 1\n%s", out.code, tail(out.stderr, 10))
		}
	})
	t.Run("links out of the root filesystem", func(t *testing.T) {
		result, _ := built(t, addToLayout(t, "links", withEntries(t, img,
			tar.Header{Name: "data/out", Typeflag: tar.TypeSymlink, Linkname: "../../../../../../etc/shadow"},
			tar.Header{Name: "data/loop", Typeflag: tar.TypeSymlink, Linkname: "loop"}), smallConfig))
		for _, file := range result.Plan.Files {
			if file.Path == "etc/shadow" {
				t.Error("the host's /etc/shadow is in the plan")
			}
		}
	})
	t.Run("truncated layer", func(t *testing.T) {
		dir := t.TempDir()
		brokenLayout(t, dir, img)
		refused(t, 1, "", "oci:"+dir)
	})
	t.Run("no such image", func(t *testing.T) {
		refused(t, 1, "nothing-here", "oci:/nothing-here")
	})
}

// brokenLayout writes the image as an OCI layout whose largest blob has lost its end.
func brokenLayout(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	writeLayout(t, dir, img)
	var largest string
	var size int64
	blobs := filepath.Join(dir, "blobs", "sha256")
	entries, err := os.ReadDir(blobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Size() > size {
			largest, size = filepath.Join(blobs, entry.Name()), info.Size()
		}
	}
	if err := os.Truncate(largest, size/2); err != nil {
		t.Fatal(err)
	}
}

func writeLayout(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", smallConfig
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	writeIndex(t, dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}))
}

func foreign(t *testing.T, img v1.Image) string {
	t.Helper()
	file := mustConfig(t, img)
	file.Architecture = "s390x"
	img, err := mutate.ConfigFile(img, file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeIndex(t, dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}}))
	return "oci:" + dir
}

// withEntries adds a layer of entries without content.
func withEntries(t *testing.T, img v1.Image, headers ...tar.Header) v1.Image {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, header := range headers {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		t.Fatal(err)
	}
	return img
}

// An interrupt at any moment leaves no file, no process and no mount.
func TestInterrupt(t *testing.T) {
	sleeper := addToLayout(t, "sleeper", smallImage(t), v1.Config{Entrypoint: []string{"/server", "sleep"}})
	for _, after := range []time.Duration{300 * time.Millisecond, 4 * time.Second} {
		dir := t.TempDir()
		cmd := exec.Command(slimBinary, "build", "--output", "type=oci,dest="+filepath.Join(dir, "x.tar"), sleeper)
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(dir, "cache"), "SLIM_ENGINE=embedded")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			t.Fatal("still running 30 s after the interrupt")
		}
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("interrupted after %v: exit code %d, want 130", after, code)
		}
		if _, err := os.Stat(filepath.Join(dir, "x.tar")); err == nil {
			t.Error("an output file was left")
		}
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(mounts), dir) {
			t.Errorf("a mount was left:\n%s", grep(string(mounts), dir))
		}
		if out, err := exec.Command("pgrep", "-f", dir).Output(); err == nil {
			t.Errorf("processes were left: %s", out)
		}
	}
}

func grep(s, word string) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
