package layers

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
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
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}

// small is an image of two layers.
func small(t testing.TB) v1.Image {
	return image(t, pack(t, h{Name: "app", Mode: 0o755, Size: 5000}), pack(t, h{Name: "etc/conf", Size: 3}))
}

// forArch is the image for another architecture.
func forArch(t testing.TB, img v1.Image, arch string) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture = arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// twoPlatforms is an index of the image for s390x and linux/amd64.
func twoPlatforms(t testing.TB, img v1.Image) v1.ImageIndex {
	other := forArch(t, img, "s390x")
	return mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}},
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &amd64}})
}

func ociDir(t testing.TB, index v1.ImageIndex) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	return dir
}

func named1(img v1.Image, ref string) mutate.IndexAddendum {
	return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Annotations: map[string]string{refName: ref}}}
}

// tarDir is a directory as a tar file.
func tarDir(t testing.TB, dir string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "archive.tar"))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func dockerArchive(t testing.TB, images map[name.Tag]v1.Image) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "docker.tar")
	if err := tarball.MultiWriteToFile(file, images); err != nil {
		t.Fatal(err)
	}
	return file
}

func tag(t testing.TB, ref string) name.Tag {
	t.Helper()
	parsed, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func digest(t testing.TB, img interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestOpen(t *testing.T) {
	img := small(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	multi := twoPlatforms(t, img)
	if err := remote.WriteIndex(tag(t, host+"/a/b:1"), multi); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag(t, host+"/a/one"), img); err != nil {
		t.Fatal(err)
	}
	nested := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: multi, Descriptor: v1.Descriptor{Annotations: map[string]string{refName: "1", fullName: "docker.io/a/b:1"}}})
	oci := ociDir(t, nested)
	two := ociDir(t, mutate.AppendManifests(empty.Index, named1(img, "one"), named1(small2(t), "two")))
	flat := ociDir(t, multi)
	saved := dockerArchive(t, map[name.Tag]v1.Image{tag(t, "shop/app:3"): img})
	both := dockerArchive(t, map[name.Tag]v1.Image{tag(t, "shop/app:3"): img, tag(t, "shop/db:4"): small2(t)})
	archived := tarDir(t, oci)
	zipped := filepath.Join(t.TempDir(), "x.tar.gz")
	if err := os.WriteFile(zipped, zip(t, readFile(t, archived)), 0o644); err != nil {
		t.Fatal(err)
	}
	want := digest(t, img)
	for _, test := range []struct {
		ref, stdin, kind, repo, tag string
		manifest                    bool // digest is the image's own manifest's
	}{
		{host + "/a/b:1", "", KindRegistry, host + "/a/b", "1", true},
		{host + "/a/b@" + digest(t, multi).String(), "", KindRegistry, host + "/a/b", "", true},
		{host + "/a/one", "", KindRegistry, host + "/a/one", "latest", true},
		{"oci:" + oci, "", KindOCI, "docker.io/a/b", "1", true},
		{"oci:" + oci + ":1", "", KindOCI, "docker.io/a/b", "1", true},
		{"oci:" + oci + ":docker.io/a/b:1", "", KindOCI, "docker.io/a/b", "1", true},
		{"oci:" + two + ":one", "", KindOCI, filepath.Base(two), "one", true},
		{"oci:" + flat, "", KindOCI, filepath.Base(flat), "", true},
		{"oci-archive:" + archived, "", KindOCIArchive, "docker.io/a/b", "1", true},
		{"oci-archive:" + zipped + ":1", "", KindOCIArchive, "docker.io/a/b", "1", true},
		{"docker-archive:" + saved, "", KindDockerArchive, "shop/app", "3", false},
		{"docker-archive:" + both + ":shop/app:3", "", KindDockerArchive, "shop/app", "3", false},
		{"-", saved, KindStdin, "shop/app", "3", false},
		{"-", zipped, KindStdin, "docker.io/a/b", "1", true},
	} {
		opt := OpenOptions{Cache: t.TempDir(), Platform: &amd64}
		if test.stdin != "" {
			opt.Stdin = bytes.NewReader(readFile(t, test.stdin))
		}
		in, err := Open(t.Context(), test.ref, opt)
		if err != nil {
			t.Errorf("Open(%s): %v", test.ref, err)
			continue
		}
		if in.Kind != test.kind || in.Repo != test.repo || in.Tag != test.tag || in.Name != test.ref || in.Platform.String() != "linux/amd64" {
			t.Errorf("Open(%s) = %+v", test.ref, in)
		}
		if test.manifest && in.Digest != want {
			t.Errorf("Open(%s) has digest %s, want %s", test.ref, in.Digest, want)
		}
		if (in.Layout == "") != (in.Ref != "") {
			t.Errorf("Open(%s) has layout %q and reference %q", test.ref, in.Layout, in.Ref)
		}
		x, err := NewIndex(in.Image)
		if err != nil {
			t.Errorf("NewIndex(%s): %v", test.ref, err)
		} else if got := len(x.Entries()); got != 4 {
			t.Errorf("%s has %d entries, want 4", test.ref, got)
		}
		if left, _ := filepath.Glob(filepath.Join(opt.Cache, "import-*")); len(left) != 0 {
			t.Errorf("Open(%s) left %v", test.ref, left)
		}
	}
}

func small2(t testing.TB) v1.Image { return image(t, pack(t, h{Name: "other", Size: 1})) }

func TestOpenRefuses(t *testing.T) {
	img := small(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	if err := remote.Write(tag(t, host+"/s390x"), forArch(t, img, "s390x")); err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag(t, host+"/multi"), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "riscv64"}}})); err != nil {
		t.Fatal(err)
	}
	two := ociDir(t, mutate.AppendManifests(empty.Index, named1(img, "one"), named1(small2(t), "two")))
	foreign := ociDir(t, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: forArch(t, img, "s390x")}))
	both := dockerArchive(t, map[name.Tag]v1.Image{tag(t, "shop/app:3"): img, tag(t, "shop/db:4"): small2(t)})
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ref, want string
		is        error
	}{
		{"", "no name", nil},
		{host + "/none", "no such image", ErrNotFound},
		{host + "/s390x", "it is for linux/s390x, not for linux/amd64", ErrPlatform},
		{host + "/multi", "it is for linux/riscv64, not for linux/amd64", ErrPlatform},
		{"oci:/nothing-here", "nothing-here", ErrNotFound},
		{"oci:" + foreign, "it is for linux/s390x, not for linux/amd64", ErrPlatform},
		{"oci:" + two, "one, two", nil},
		{"oci:" + two + ":three", `no image "three"`, ErrNotFound},
		{"oci-archive:/nothing-here", "nothing-here", ErrNotFound},
		{"oci-archive:" + two, "did you mean oci:", nil},
		{"oci-archive:" + both, "pass it as docker-archive:FILE", nil},
		{"docker-archive:" + tarDir(t, two), "pass it as oci-archive:FILE", nil},
		{"docker-archive:" + both, "shop/app:3, shop/db:4", nil},
		{"docker-archive:" + text, "reading the archive", nil},
		{two, "did you mean oci:" + two, nil},
		{text, "did you mean docker-archive:" + text, nil},
		{"docker:x", "no Docker engine", nil},
		{"-", "no standard input", nil},
		{"UPPER", "could not parse reference", nil},
	} {
		cache := t.TempDir()
		in, err := Open(t.Context(), test.ref, OpenOptions{Cache: cache, Platform: &amd64})
		if err == nil || in != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%s) = %v, %v, want an error with %q", test.ref, in, err, test.want)
		}
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("Open(%s): %v is not %v", test.ref, err, test.is)
		}
		if left, _ := filepath.Glob(filepath.Join(cache, "import-*")); len(left) != 0 {
			t.Errorf("Open(%s) left %v", test.ref, left)
		}
	}
}

// An interrupt ends Open also when standard input says nothing.
func TestOpenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	defer out.Close()
	cancel()
	if _, err := Open(ctx, "-", OpenOptions{Cache: t.TempDir(), Stdin: in}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v, want %v", err, context.Canceled)
	}
}
