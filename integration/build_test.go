//go:build e2e

package integration

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
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
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slimimage/slim/builder"
)

// built builds ref into an OCI layout directory and returns the result and the image.
func built(t testing.TB, ref string, args ...string) (builder.Result, v1.Image) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	out := mustSlim(t, append([]string{"build", ref, "--output", "type=oci,tar=false,dest=" + dir, "--format", "json", "--progress", "plain"},
		args...)...)
	var result builder.Result
	decode(t, out.stdout, &result)
	return result, readLayout(t, dir)
}

// layoutIndex is the index of a layout and what it lists.
func layoutIndex(t testing.TB, dir string) (v1.ImageIndex, *v1.IndexManifest) {
	t.Helper()
	l, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := l.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return index, manifest
}

// innerIndex is the index that another one lists first, or that one itself where it lists an image.
func innerIndex(t testing.TB, index v1.ImageIndex, manifest *v1.IndexManifest) (v1.ImageIndex, *v1.IndexManifest) {
	t.Helper()
	d := manifest.Manifests[0]
	if !d.MediaType.IsIndex() {
		return index, manifest
	}
	inner, err := index.ImageIndex(d.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err = inner.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	return inner, manifest
}

func readLayout(t testing.TB, dir string) v1.Image {
	t.Helper()
	index, manifest := layoutIndex(t, dir)
	for {
		d := manifest.Manifests[0]
		if d.MediaType.IsImage() {
			img, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return img
		}
		index, manifest = innerIndex(t, index, manifest)
	}
}

func TestBuildSmall(t *testing.T) {
	result, img := built(t, small(t))
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	if result.Verdict == nil || !result.Verdict.OK || result.Verdict.Checked == 0 {
		t.Errorf("verdict = %+v, want a passed check", result.Verdict)
	}
	kept := map[string]bool{}
	for _, file := range result.Plan.Files {
		kept[file.Path.String()] = true
	}
	if !kept["/server"] || !kept["/data/late.txt"] || kept["/.git/config"] {
		t.Errorf("kept %v, want /server and /data/late.txt and no /.git", kept)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" {
		t.Errorf("user = %q, want 65532:65532", config.Config.User)
	}
}

// The same input through every kind of reference gives the same layers.
func TestInputs(t *testing.T) {
	ref := small(t)
	_, want := built(t, ref)
	img := readSmall(t, ref)
	dir := t.TempDir()
	server := httptest.NewServer(registry.New())
	defer server.Close()
	remoteName := strings.TrimPrefix(server.URL, "http://") + "/apps/small:1"
	parsed, err := name.ParseReference(remoteName)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, img); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("apps/small:1")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "docker.tar")
	if err := tarball.WriteToFile(archive, tag, img); err != nil {
		t.Fatal(err)
	}
	layoutArchive := filepath.Join(dir, "oci.tar")
	single := filepath.Join(dir, "single")
	writeIndex(t, single, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}))
	if out, err := exec.Command("tar", "-C", single, "-cf", layoutArchive, ".").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	for kind, input := range map[string]string{"registry": remoteName, "docker-archive": "docker-archive:" + archive,
		"oci-archive": "oci-archive:" + layoutArchive} {
		t.Run(kind, func(t *testing.T) {
			_, got := built(t, input)
			sameLayers(t, want, got)
		})
	}
	t.Run("stdin", func(t *testing.T) {
		data, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "layout")
		cmd := exec.Command(slimBinary, "build", "-", "--output", "type=oci,tar=false,dest="+out)
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(cacheDir(t), "slim"), "SLIM_ENGINE=embedded")
		cmd.Stdin = bytes.NewReader(data)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, tail(string(text), 30))
		}
		sameLayers(t, want, readLayout(t, out))
	})
	t.Run("push", func(t *testing.T) {
		target := strings.TrimPrefix(server.URL, "http://") + "/apps/small.slim:1"
		mustSlim(t, "build", remoteName, "--tag", target, "--push")
		parsed, err := name.ParseReference(target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := remote.Image(parsed)
		if err != nil {
			t.Fatal(err)
		}
		sameLayers(t, want, got)
	})
	t.Run("dockerfile", func(t *testing.T) {
		context := t.TempDir()
		for name, data := range smallFiles(t) {
			mode := os.FileMode(0o644)
			if name == "server" {
				mode = 0o755
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(context, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(context, name), data, mode); err != nil {
				t.Fatal(err)
			}
		}
		file := "FROM scratch\nARG DATA=none\nCOPY server /server\nCOPY $DATA /data\nENV PATH=/\nEXPOSE 8080\nENTRYPOINT [\"/server\"]\n"
		if err := os.WriteFile(filepath.Join(context, "Dockerfile"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "layout")
		mustSlim(t, "build", "-f", filepath.Join(context, "Dockerfile"), context, "--build-arg", "DATA=data", "--output",
			"type=oci,tar=false,dest="+out)
		if err := validate.Image(readLayout(t, out)); err != nil {
			t.Error(err)
		}
	})
}

func readSmall(t testing.TB, ref string) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(smallImage(t), mustConfig(t, smallImage(t)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func mustConfig(t testing.TB, img v1.Image) *v1.ConfigFile {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", smallConfig
	return file
}

func sameLayers(t testing.TB, want, got v1.Image) {
	t.Helper()
	if a, b := diffIDs(t, want), diffIDs(t, got); a != b {
		t.Errorf("diff IDs = %s, want %s", b, a)
	}
}

func diffIDs(t testing.TB, img v1.Image) string {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(file.RootFS.DiffIDs)
}

// Two fresh state directories, the same platform manifest digest.
func TestSameInputSameDigest(t *testing.T) {
	ref := small(t)
	var digests []string
	for range 2 {
		dir := filepath.Join(t.TempDir(), "layout")
		out := slimEnv(t, []string{"SLIM_CACHE=" + t.TempDir()}, "build", ref, "--output", "type=oci,tar=false,dest="+dir)
		if out.code != 0 {
			t.Fatalf("exit code %d\n%s", out.code, tail(out.stderr, 30))
		}
		digest, err := readLayout(t, dir).Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("digests differ: %v", digests)
	}
}

func writeIndex(t testing.TB, dir string, index v1.ImageIndex) {
	t.Helper()
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
}
