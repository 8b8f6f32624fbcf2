package agent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slimimage/slim/layers"
)

func TestImage(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SLIM_AGENT", dir)
	if index, err := Image("1", time.Unix(0, 0)); !errors.Is(err, ErrNotCarried) {
		t.Errorf("Image without an agent = %v, %v, want ErrNotCarried", index, err)
	}
	for _, arch := range arches {
		if err := os.WriteFile(filepath.Join(dir, "slim-sensor-linux-"+arch), []byte("agent for "+arch), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var archives [2]bytes.Buffer
	var index v1.ImageIndex
	for i := range archives {
		var err error
		if index, err = Image("1", time.Unix(0, 0).UTC()); err != nil {
			t.Fatal(err)
		}
		if err := WriteArchive(&archives[i], index); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0].Bytes(), archives[1].Bytes()) {
		t.Error("two archives of the same agents differ")
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != len(arches) {
		t.Fatalf("%v, %v, want an image for each of %v", manifest, err, arches)
	}
	name := filepath.Join(dir, "agent.tar")
	if err := os.WriteFile(name, archives[0].Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := layers.Open(t.Context(), "oci-archive:"+name,
		layers.OpenOptions{Cache: t.TempDir(), Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}})
	if err != nil {
		t.Fatal(err)
	}
	img := in.Image
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	config, err := img.ConfigFile()
	if err != nil || config.Architecture != "amd64" || config.Config.User != "65532:65532" ||
		config.Config.Labels["org.opencontainers.image.version"] != "1" {
		t.Errorf("config %+v, %v", config, err)
	}
}
