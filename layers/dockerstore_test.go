package layers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	mobyclient "github.com/moby/moby/client"
)

// engineWith is a Docker engine that has one image and cannot save it.
func engineWith(t *testing.T, id string, tags ...string) *mobyclient.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, path, _ := strings.Cut(r.URL.Path, "/images/")
		switch name := strings.TrimSuffix(path, "/json"); {
		case name == id, name == "dangling", strings.HasPrefix(strings.Join(tags, " "), name):
			data, err := json.Marshal(map[string]any{"Id": id, "RepoTags": tags, "Os": "linux", "Architecture": "amd64"})
			must(t, err)
			w.Write(data)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message":"No such image"}`)
		}
	}))
	t.Cleanup(server.Close)
	client, err := mobyclient.New(mobyclient.WithHost("tcp://" + strings.TrimPrefix(server.URL, "http://")))
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// fakeStore is an engine's image store.
type fakeStore struct {
	blobs  map[string][]byte // nil for the classic store
	config []byte
	asked  string // the name whose config was asked for
}

func (s *fakeStore) Blobs() bool { return s.blobs != nil }

func (s *fakeStore) Blob(_ context.Context, digest string, limit int64) ([]byte, error) {
	data, ok := s.blobs[digest]
	if !ok || int64(len(data)) > limit {
		return nil, fmt.Errorf("blob %s: %w", digest, errdefs.ErrNotFound)
	}
	return data, nil
}

func (s *fakeStore) Config(_ context.Context, name, _ string) ([]byte, error) {
	s.asked = name
	return s.config, nil
}

// blobsOf are the index, the manifests and the configs of images.
func blobsOf(t *testing.T, index v1.ImageIndex, images ...v1.Image) (id string, blobs map[string][]byte) {
	t.Helper()
	raw, err := index.RawManifest()
	must(t, err)
	digest, err := index.Digest()
	must(t, err)
	blobs = map[string][]byte{digest.String(): raw}
	for _, img := range images {
		manifest, err := img.RawManifest()
		must(t, err)
		config, err := img.RawConfigFile()
		must(t, err)
		name, err := img.ConfigName()
		must(t, err)
		blobs[digestOf(t, img).String()], blobs[name.String()] = manifest, config
	}
	return digest.String(), blobs
}

func digestOf(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	digest, err := img.Digest()
	must(t, err)
	return digest
}

// In containerd's store the name has the digest, and the image is the one of the platform.
func TestOpenInContainerdStore(t *testing.T) {
	img := small(t)
	index := twoPlatforms(t, img)
	id, blobs := blobsOf(t, index, img) // the other platform was not pulled
	opt := OpenOptions{Platform: &amd64, Docker: engineWith(t, id, "shop/app:1", "shop/app:latest"), Store: &fakeStore{blobs: blobs}}
	for ref, want := range map[string]string{"shop/app:1": "docker.io/shop/app:1@" + id, "docker:shop/app:1": "docker.io/shop/app:1@" + id,
		id: "docker.io/shop/app:1@" + id} {
		in, err := Open(t.Context(), ref, opt)
		if err != nil {
			t.Errorf("Open(%s): %v", ref, err)
			continue
		}
		if in.Local != want || in.Digest != digestOf(t, img) || in.RepoDigest != id || in.Layout != "" || in.Kind != KindDocker {
			t.Errorf("Open(%s) = %+v, want the image in place as %s", ref, in, want)
		}
	}
	opt.Platform = &v1.Platform{OS: "linux", Architecture: "s390x"}
	if in, err := Open(t.Context(), "docker:shop/app:1", opt); !errors.Is(err, ErrPlatform) {
		t.Errorf("Open() of a platform that was not pulled = %v, %v, want ErrPlatform", in, err)
	}
	blobs[digestOf(t, img).String()] = []byte(`{"layers":[]}`)
	opt.Platform = &amd64
	if in, err := Open(t.Context(), "shop/app:1", opt); !errors.Is(err, ErrDigest) {
		t.Errorf("Open() with another blob = %v, %v, want ErrDigest", in, err)
	}
}

// In the classic store only the config says which image it is.
func TestOpenInClassicStore(t *testing.T) {
	img := small(t)
	config, err := img.RawConfigFile()
	must(t, err)
	id, err := img.ConfigName()
	must(t, err)
	store := &fakeStore{config: config}
	opt := OpenOptions{Platform: &amd64, Docker: engineWith(t, id.String(), "shop/app:1"), Store: store}
	in, err := Open(t.Context(), "shop/app:1", opt)
	must(t, err)
	if in.Local != "docker.io/shop/app:1" || store.asked != in.Local || in.Digest != id || in.Repo != "shop/app" || in.Tag != "1" {
		t.Errorf("Open() = %+v, asked for %q", in, store.asked)
	}
	if !in.Is(id.String()) || in.Is(digestOf(t, img).String()) {
		t.Error("Is() must hold for the config's digest alone")
	}
	store.config = append(config, ' ')
	if in, err := Open(t.Context(), "shop/app:1", opt); err == nil || !strings.Contains(err.Error(), "did the tag move?") {
		t.Errorf("Open() when the tag has moved = %v, %v", in, err)
	}
	opt.Docker = engineWith(t, id.String())
	if in, err := Open(t.Context(), "docker:dangling", opt); !errors.Is(err, ErrNoName) {
		t.Errorf("Open() without a name = %v, %v, want ErrNoName", in, err)
	}
}

func TestInputIs(t *testing.T) {
	img := small(t)
	in, err := Open(t.Context(), "oci:"+ociDir(t, mutate.AppendManifests(empty.Index, named1(img, "a"))), OpenOptions{Platform: &amd64})
	must(t, err)
	config, err := img.ConfigName()
	must(t, err)
	for digest, want := range map[string]bool{in.Digest.String(): true, config.String(): true, "sha256:" + strings.Repeat("0", 64): false,
		"": false} {
		if got := in.Is(digest); got != want {
			t.Errorf("Is(%q) = %t, want %t", digest, got, want)
		}
	}
}

// A registry that lacks an image is not the whole reason where a Docker engine should have been asked.
func TestOpenSaysWhyNoDocker(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	silent := errors.New("no Docker engine answers: reason")
	for _, ref := range []string{strings.TrimPrefix(server.URL, "http://") + "/a:1", "docker:a"} {
		if _, err := Open(t.Context(), ref, OpenOptions{NoDocker: silent}); !errors.Is(err, silent) {
			t.Errorf("Open(%s) = %v, want the reason why Docker was not asked", ref, err)
		}
	}
}
