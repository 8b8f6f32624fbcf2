package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	gcrtarball "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slimimage/slim/builder/agent"
)

// materials has slim write the bill of materials of its own programs and agents: of an image that has nothing else.
func (r *release) materials(ctx context.Context) error {
	archive := filepath.Join(r.work, "programs.oci.tar")
	if err := r.programImage(archive); err != nil {
		return err
	}
	for format, end := range map[string]string{"cyclonedx": "cdx.json", "spdx": "spdx.json"} {
		out := filepath.Join(r.out, "slim_"+r.number()+"."+end)
		if _, err := r.slim(ctx, "sbom", "oci-archive:"+archive, "--format", format, "--output", out, "--quiet"); err != nil {
			return err
		}
		if err := os.Chmod(out, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// programImage writes an image of the programs of all platforms, /OS-ARCH/slim, and the agents, /agents/linux-ARCH/slim-sensor.
func (r *release) programImage(archive string) error {
	files := map[string]string{}
	var names []string
	for _, platform := range platforms {
		names = append(names, platform+"/slim")
		files[platform+"/slim"] = filepath.Join(r.bin, "slim-"+platform)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		name := agent.ImageDir(arch)[1:] + "/" + agent.Name
		names = append(names, name)
		files[name] = filepath.Join(r.agents, "slim-sensor-linux-"+arch)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, name := range names {
		data, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		err = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(data)), ModTime: r.epoch})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return writeImage(archive, layer.Bytes(), r.number())
}

func writeImage(archive string, layer []byte, tag string) error {
	content, err := gcrtarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil },
		gcrtarball.WithMediaType(types.OCILayer))
	if err != nil {
		return err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	config := &v1.ConfigFile{OS: "linux", Architecture: hostArch, RootFS: v1.RootFS{Type: "layers"}}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	if image, err = mutate.AppendLayers(image, content); err != nil {
		return err
	}
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: image,
		Descriptor: v1.Descriptor{Annotations: map[string]string{"io.containerd.image.name": "slim:" + tag,
			"org.opencontainers.image.ref.name": tag}}})
	f, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	return agent.WriteArchive(f, index)
}

// sha256Of is the digest of a file of the release in hexadecimal.
func (r *release) sha256Of(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
