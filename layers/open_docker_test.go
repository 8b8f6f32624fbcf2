package layers

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	mobyclient "github.com/moby/moby/client"
)

// The Docker engine's own images, where one runs: SLIM_TEST_DOCKER_IMAGE names one.
func TestOpenDocker(t *testing.T) {
	ref := os.Getenv("SLIM_TEST_DOCKER_IMAGE")
	if ref == "" {
		t.Skip("SLIM_TEST_DOCKER_IMAGE is not set")
	}
	engine, err := mobyclient.New(mobyclient.FromEnv)
	must(t, err)
	defer engine.Close()
	cache := t.TempDir()
	opt := OpenOptions{Docker: engine, Cache: cache}
	start := time.Now()
	first, err := Open(context.Background(), ref, opt)
	must(t, err)
	t.Logf("%s %s %s:%s in %v", first.Kind, first.Digest, first.Repo, first.Tag, time.Since(start))
	start = time.Now()
	second, err := Open(context.Background(), "docker:"+ref, opt)
	must(t, err)
	if second.Digest != first.Digest || time.Since(start) > time.Second {
		t.Errorf("the second time %s in %v, want %s at once", second.Digest, time.Since(start), first.Digest)
	}
	x, err := NewIndex(first.Image)
	must(t, err)
	t.Logf("%d entries in %d layers", len(x.Entries()), len(x.Layers))
	left, err := filepath.Glob(filepath.Join(cache, "import-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Podman keeps an image without a registry under localhost, and finds it without that.
func TestEngineName(t *testing.T) {
	for _, test := range []struct {
		ref  string
		tags []string
		want string
	}{
		{"apps/web:1", []string{"localhost/apps/web:1"}, "localhost/apps/web 1"},
		{"apps/web", []string{"other:2", "localhost/apps/web:latest"}, "localhost/apps/web latest"},
		{"localhost/apps/web:1", []string{"localhost/apps/web:1"}, "localhost/apps/web 1"},
		{"web:1", []string{"web:1"}, "web 1"},
		{"web:1", []string{"localhost/web:2"}, "web 1"},
		{"0123", []string{"localhost/web:2"}, "localhost/web 2"},
	} {
		info := mobyclient.ImageInspectResult{}
		info.ID, info.RepoTags = "sha256:0123456789", test.tags
		if repo, tag := engineName(test.ref, info); repo+" "+tag != test.want {
			t.Errorf("engineName(%q, %q) = %q %q, want %q", test.ref, test.tags, repo, tag, test.want)
		}
	}
}

func TestPodmanNames(t *testing.T) {
	for _, ref := range []string{"containers-storage:[overlay@/var/lib/containers/storage]localhost/web", "containers-storage:web"} {
		if _, err := Open(t.Context(), ref, OpenOptions{}); err == nil {
			t.Errorf("Open(%q) without podman succeeded", ref)
		}
	}
}
