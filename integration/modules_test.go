//go:build e2e

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// TestModulesLoad checks that every module of a language in the slim image loads there if it loads in the original: an incomplete
// library is worse than a missing one.
func TestModulesLoad(t *testing.T) {
	for _, test := range []struct{ app, interpreter, sweep string }{
		{"flask", "python3", "python.py"},
		{"mojolicious", "perl", "perl.pl"},
		{"ruby", "ruby", "ruby.rb"},
		{"express-debian", "node", "node.js"},
		{"tcl", "tclsh", "tcl.tcl"},
		{"php", "php", "php.php"},
	} {
		t.Run(test.app, func(t *testing.T) {
			a := loadApp(t, test.app)
			_, img := built(t, a.ref)
			slimmed, original := extract(t, img), extract(t, layoutImage(t, a.ref))
			names := sampled(sweep(t, slimmed, test.interpreter, test.sweep, "", nil))
			if len(names) == 0 {
				t.Fatal("the slim image has no module")
			}
			loaded := sweep(t, slimmed, test.interpreter, test.sweep, "load", names)
			for _, name := range sweep(t, original, test.interpreter, test.sweep, "load", names) {
				if !slices.Contains(loaded, name) {
					t.Errorf("%s loads in the original and not in the slim image", name)
				}
			}
			t.Logf("%d of %d modules load", len(loaded), len(names))
		})
	}
}

// sampled is every nth name, at most 150 (40 with -short), from all parts of the list.
func sampled(names []string) []string {
	most := 150
	if testing.Short() {
		most = 40
	}
	step := len(names)/most + 1
	var some []string
	for i := 0; i < len(names); i += step {
		some = append(some, names[i])
	}
	return some
}

// sweep runs a program of testdata/sweeps with the interpreter of a root filesystem and returns the lines that it prints.
func sweep(t *testing.T, root, interpreter, program, what string, names []string) []string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "sweeps", program))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, program), source, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{root, interpreter, "/" + program}
	if what != "" {
		args = append(args, what)
	}
	cmd := exec.CommandContext(t.Context(), "chroot", args...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"}
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(names, "\n")+"\n"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s %s: %v", interpreter, program, what, err)
	}
	return strings.Fields(string(out))
}

// extract writes the root filesystem of an image into a directory, with what every container has besides.
func extract(t *testing.T, img v1.Image) string {
	t.Helper()
	root := t.TempDir()
	flat := mutate.Extract(img)
	defer flat.Close()
	tar := exec.CommandContext(t.Context(), "tar", "-x", "-C", root, "-f", "-")
	tar.Stdin = flat
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, minor := range map[string]string{"null": "3", "urandom": "9"} {
		device := filepath.Join(root, "dev", name)
		if _, err := os.Lstat(device); err == nil {
			continue
		}
		if out, err := exec.CommandContext(t.Context(), "mknod", "-m", "666", device, "c", "1", minor).CombinedOutput(); err != nil {
			t.Fatalf("mknod: %v: %s", err, out)
		}
	}
	return root
}

// layoutImage is the image of a reference "oci:DIR:NAME".
func layoutImage(t testing.TB, ref string) v1.Image {
	t.Helper()
	parts := strings.SplitN(ref, ":", 3)
	index, manifest := layoutIndex(t, parts[1])
	for _, d := range manifest.Manifests {
		if d.Annotations["org.opencontainers.image.ref.name"] == parts[2] {
			img, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return img
		}
	}
	t.Fatalf("no image %s", ref)
	return nil
}
