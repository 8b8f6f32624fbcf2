// Command mkimage makes the image of slim-frontend from compiled programs: one platform for every slim-frontend-linux-ARCH in -bin, and
// each with every slim-sensor-linux-ARCH beside it. The result is an OCI archive; the same programs give the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slimimage/slim/builder/agent"
)

const (
	programPrefix = "slim-frontend-linux-"
	agentPrefix   = "slim-sensor-linux-"
	program       = "bin/slim-frontend"
)

// labels tell BuildKit what the frontend understands (frontend/gateway/gateway.go): the same as its own Dockerfile frontend, which gets
// the call.
var labels = map[string]string{
	"moby.buildkit.frontend.network.none": "true",
	"moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts," +
		"moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd",
	"org.opencontainers.image.title":       "slim-frontend",
	"org.opencontainers.image.description": "slim as a Dockerfile frontend for BuildKit",
	"org.opencontainers.image.licenses":    "Apache-2.0",
}

func main() {
	bin, agents := flag.String("bin", "bin", "DIR of the frontends"), flag.String("agents", "", "DIR of the agents; -bin when empty")
	out := flag.String("out", "bin/slim-frontend.oci.tar", "OCI archive to write, or a directory for a layout when it ends with /")
	flag.Parse()
	if *agents == "" {
		*agents = *bin
	}
	if err := run(*bin, *agents, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(bin, agents, out string) error {
	index, err := makeIndex(bin, agents)
	if err != nil {
		return err
	}
	dir := out
	if !strings.HasSuffix(out, "/") {
		if dir, err = os.MkdirTemp(filepath.Dir(out), ".frontend-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "latest"})); err != nil {
		return err
	}
	if dir == out {
		return nil
	}
	return archive(dir, out)
}

// makeIndex makes one image for each frontend.
func makeIndex(bin, agents string) (v1.ImageIndex, error) {
	shared, err := layerOf(agents, agentPrefix, func(arch string) string {
		return strings.TrimPrefix(agent.ImageDir(arch), "/") + "/" + agent.Name
	})
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(bin, programPrefix+"*"))
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no %s* in %s: make frontend-image builds them", programPrefix, bin)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, name := range found {
		arch := strings.TrimPrefix(filepath.Base(name), programPrefix)
		layer, err := layerOf(bin, programPrefix+arch, func(string) string { return program })
		if err != nil {
			return nil, err
		}
		image, err := makeImage(arch, shared, layer)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return index, nil
}

func makeImage(arch string, list ...v1.Layer) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, list...)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config = v1.Config{Entrypoint: []string{"/" + program}, Labels: labels, WorkingDir: "/"}
	return mutate.ConfigFile(image, config)
}

// layerOf makes a layer of the programs in dir whose names begin with prefix; place says where each goes.
func layerOf(dir, prefix string, place func(arch string) string) (v1.Layer, error) {
	found, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no %s* in %s: make frontend-image builds them", prefix, dir)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	made := map[string]bool{".": true}
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		target := place(strings.TrimPrefix(filepath.Base(name), prefix))
		if err := errors.Join(directories(w, target, made), entry(w, &tar.Header{Typeflag: tar.TypeReg, Name: target, Mode: 0o755},
			data)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

func directories(w *tar.Writer, name string, made map[string]bool) error {
	dir := filepath.Dir(name)
	if made[dir] {
		return nil
	}
	made[dir] = true
	return errors.Join(directories(w, dir, made), entry(w, &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil))
}

// entry writes one entry; its time is 1970, so that the same programs make the same bytes.
func entry(w *tar.Writer, header *tar.Header, data []byte) error {
	header.Size = int64(len(data))
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// archive packs a layout into a tar, and gives it its final name only when it is complete.
func archive(dir, out string) error {
	part, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".part-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	w := tar.NewWriter(part)
	var names []string
	if err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}); err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err == nil {
			err = entry(w, &tar.Header{Typeflag: tar.TypeReg, Name: relative, Mode: 0o644}, data)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), part.Chmod(0o644), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), out)
}
