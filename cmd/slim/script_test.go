package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"slim": func() { os.Exit(run(os.Args)) }})
}

// TestScript runs testdata/script: no network, no daemon, no root. `go test -update` rewrites the goldens.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"BUILDKIT_HOST", "DOCKER_CONTEXT", "NO_COLOR"} {
				env.Setenv(name, "")
			}
			env.Setenv("DOCKER_HOST", "unix://"+env.WorkDir+"/no-docker.sock")
			env.Setenv("XDG_CACHE_HOME", env.WorkDir+"/.cache")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkimage":     mkimage,
			"memregistry": memregistry,
			"pushimage":   pushimage,
			"truncate":    truncate,
			"genkey":      genkey,
		},
	})
}

// mkimage LAYOUT CONFIG.json DIR... makes an OCI layout with one layer for each directory. In a layer everything belongs to
// root, times are 1970, and a file "NAME.link" becomes the symlink NAME to what it says.
func mkimage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: mkimage LAYOUT CONFIG.json DIR...")
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	var config v1.Config
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &config))
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: config})
	ts.Check(err)
	for _, dir := range args[2:] {
		data, err := layerTar(ts.MkAbs(dir))
		ts.Check(err)
		image, err = mutate.AppendLayers(image, static.NewLayer(data, types.OCIUncompressedLayer))
		ts.Check(err)
	}
	out, err := layout.Write(ts.MkAbs(args[0]), empty.Index)
	ts.Check(err)
	ts.Check(out.AppendImage(image))
}

// layerTar is a directory as a tar; fs.WalkDir sorts.
func layerTar(dir string) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel := strings.TrimPrefix(name, dir+"/")
		if entry.IsDir() {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: rel + "/", Mode: 0o755})
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if link, ok := strings.CutSuffix(rel, ".link"); ok {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: link, Linkname: strings.TrimSpace(string(data)), Mode: 0o777})
		}
		mode := int64(0o644)
		if strings.Contains(rel, "bin/") {
			mode = 0o755
		}
		if strings.HasSuffix(rel, "su") {
			mode = 0o4755
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: rel, Mode: mode, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return buf.Bytes(), w.Close()
}

// memregistry VAR starts a registry in this process and sets VAR to its host and port.
func memregistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: memregistry VAR")
	}
	server := httptest.NewServer(registry.New())
	ts.Defer(server.Close)
	ts.Setenv(args[0], strings.TrimPrefix(server.URL, "http://"))
}

// pushimage LAYOUT REF pushes the image of a layout.
func pushimage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pushimage LAYOUT REF")
	}
	index, err := layout.ImageIndexFromPath(ts.MkAbs(args[0]))
	ts.Check(err)
	manifest, err := index.IndexManifest()
	ts.Check(err)
	image, err := index.Image(manifest.Manifests[0].Digest)
	ts.Check(err)
	ref, err := name.ParseReference(args[1])
	ts.Check(err)
	ts.Check(remote.Write(ref, image))
}

// truncate LAYOUT cuts the last byte off every blob over 1 kB of a layout: its layers.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: truncate LAYOUT")
	}
	blobs, err := filepath.Glob(ts.MkAbs(args[0]) + "/blobs/sha256/*")
	ts.Check(err)
	for _, blob := range blobs {
		info, err := os.Stat(blob)
		ts.Check(err)
		if info.Size() > 1000 {
			ts.Check(os.Truncate(blob, info.Size()-1))
		}
	}
}
