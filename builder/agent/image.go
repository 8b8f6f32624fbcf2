package agent

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slimimage/slim/analyzer/accounts"
)

// arches are the architectures that slim carries the agent for.
var arches = []string{"amd64", "arm64"}

// Read returns the agent's program for linux/arch, or ErrNotCarried.
func Read(arch string) ([]byte, error) { return read(arch) }

// Image is an image that contains only the agent, for every platform that slim has an agent for. The same agents, version and time give
// the same digest.
func Image(version string, created time.Time) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range arches {
		program, err := read(arch)
		if errors.Is(err, ErrNotCarried) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		img, err := platformImage(program, arch, version, created)
		if err != nil {
			return nil, fmt.Errorf("the image for linux/%s: %w", arch, err)
		}
		index = mutate.AppendManifests(index,
			mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) == 0 {
		return nil, ErrNotCarried
	}
	return index, nil
}

func platformImage(program []byte, arch, version string, created time.Time) (v1.Image, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err := w.WriteHeader(&tar.Header{Name: Name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program)), ModTime: created,
		Format: tar.FormatPAX})
	if err == nil {
		_, err = w.Write(program)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	files, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	config := v1.Config{Entrypoint: []string{"/" + Name}, User: fmt.Sprintf("%d:%d", accounts.Nonroot, accounts.Nonroot), WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "slim-agent",
			"org.opencontainers.image.description": "The agent of slim: wraps the entrypoint of a container and writes evidence of what it did",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.source":      "https://github.com/slimimage/slim",
			"org.opencontainers.image.version":     version,
		}}
	if img, err = mutate.ConfigFile(img,
		&v1.ConfigFile{OS: "linux", Architecture: arch, Created: v1.Time{Time: created}, Config: config,
			RootFS: v1.RootFS{Type: "layers"}}); err != nil {
		return nil, err
	}
	return mutate.Append(img, mutate.Addendum{Layer: files, History: v1.History{Created: v1.Time{Time: created}, CreatedBy: "slim agent"}})
}

// WriteArchive writes an image as an OCI archive: a layout in a tar.
func WriteArchive(out io.Writer, index v1.ImageIndex) (err error) {
	dir, err := os.MkdirTemp("", "slim-agent-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := layout.Write(dir, index); err != nil {
		return err
	}
	w := tar.NewWriter(out)
	// In the order of names, without times: the same image is the same archive.
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return w.WriteHeader(&tar.Header{Name: rel + "/", Typeflag: tar.TypeDir, Mode: 0o755})
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: rel, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	return errors.Join(err, w.Close())
}
