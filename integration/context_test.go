//go:build e2e

package integration

import (
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// The base of a Dockerfile can be an image of an OCI layout, also under the name of an image in a registry.
func TestLayoutContext(t *testing.T) {
	img, err := mutate.Config(smallImage(t), smallConfig)
	if err != nil {
		t.Fatal(err)
	}
	other, err := mutate.AppendLayers(empty.Image, filesLayer(t, map[string][]byte{"data/extra.txt": []byte("extra\n")}))
	if err != nil {
		t.Fatal(err)
	}
	base, extra, project := filepath.Join(t.TempDir(), "base"), filepath.Join(t.TempDir(), "extra"), t.TempDir()
	writeLayout(t, base, img)
	writeLayout(t, extra, other)
	text := "FROM registry.example/base:1\nCOPY --from=extra /data/extra.txt /data/late.txt\nEXPOSE 8080\n"
	if err := os.WriteFile(filepath.Join(project, "Dockerfile"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, got := built(t, project, "-f", filepath.Join(project, "Dockerfile"), "--include", "/data/late.txt",
		"--build-context", "registry.example/base:1=oci-layout://"+base, "--build-context", "extra=oci-layout://"+extra+"@"+digestOf(t, other))
	if file := contents(t, got)["/data/late.txt"]; string(file.data) != "extra\n" {
		t.Errorf("/data/late.txt has %q, want that of the second context", file.data)
	}
}

// digestOf is the digest of an image as writeLayout writes it.
func digestOf(t *testing.T, img v1.Image) string {
	t.Helper()
	img, err := mutate.ConfigFile(img, mustConfig(t, img))
	must(t, err)
	digest, err := img.Digest()
	must(t, err)
	return digest.String()
}
