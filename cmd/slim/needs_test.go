package main

import (
	"path/filepath"
	"testing"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
)

// Only what reads or writes OCI images as files or caches keeps a build from Docker's classic store.
func TestNeedsOCI(t *testing.T) {
	dockerfile := func(contexts map[string]string) builder.Options {
		return builder.Options{Dockerfile: &builder.Dockerfile{BuildContexts: contexts}}
	}
	outputs := func(kind string) builder.Options {
		return builder.Options{Export: builder.Export{Outputs: []builder.Output{{Type: kind}}}}
	}
	for _, test := range []struct {
		image string
		opt   builder.Options
		want  bool
	}{
		{"nginx:1", builder.Options{Export: builder.Export{Load: true, Push: true}}, false},
		{"docker:nginx:1", builder.Options{}, false},
		{"-", builder.Options{}, true},
		{"oci:dir", builder.Options{}, true},
		{"oci-archive:a.tar", builder.Options{}, true},
		{"docker-archive:a.tar", builder.Options{}, true},
		{"nginx:1", outputs("oci"), true},
		{"nginx:1", outputs("tar"), false},
		{"nginx:1", builder.Options{Lock: true}, true},
		{"nginx:1", builder.Options{Platform: "linux/amd64,linux/arm64"}, true},
		{".", dockerfile(nil), false},
		{".", dockerfile(map[string]string{"a": "docker-image://a", "b": "dir"}), false},
		{".", dockerfile(map[string]string{"a": "oci-layout://dir"}), true},
	} {
		if got := needsOCI(&test.opt, test.image); got != test.want {
			t.Errorf("needsOCI(%+v, %q) = %t, want %t", test.opt, test.image, got, test.want)
		}
	}
}

// No store is asked where neither the image nor the result is in one.
func TestNeedsStore(t *testing.T) {
	file := builder.Export{Outputs: []builder.Output{{Type: "oci"}}}
	for _, test := range []struct {
		image string
		opt   builder.Options
		want  bool
	}{
		{"", builder.Options{Export: file}, true},
		{"nginx:1", builder.Options{Export: file}, true},
		{"docker:nginx:1", builder.Options{Export: file}, true},
		{"containers-storage:nginx:1", builder.Options{Export: file}, true},
		{"oci:dir", builder.Options{}, true},
		{"oci:dir", builder.Options{Export: builder.Export{Push: true, Load: true}}, true},
		{"oci:dir", builder.Options{Export: builder.Export{Push: true}}, false},
		{"oci:dir", builder.Options{Export: file}, false},
		{"-", builder.Options{Export: file}, false},
		{"registry:nginx:1", builder.Options{Export: file}, false},
		{".", builder.Options{Dockerfile: &builder.Dockerfile{}, Export: file}, false},
		{".", builder.Options{Dockerfile: &builder.Dockerfile{}}, true},
	} {
		if got := needsStore(&test.opt, test.image); got != test.want {
			t.Errorf("needsStore(%+v, %q) = %t, want %t", test.opt, test.image, got, test.want)
		}
	}
}

// podman is not even looked for where nothing is in a store, though plain names mean its images.
func TestPodmanIsNotAsked(t *testing.T) {
	t.Setenv("CONTAINER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	for _, noStore := range []bool{true, false} {
		w := &work{}
		err := w.findDocker(t.Context(), &engine.Options{Spec: engine.KindEmbedded, Podman: true, NoStore: noStore})
		if (err == nil) != noStore || w.docker != nil {
			t.Errorf("findDocker() without a store %t = %v, client %v", noStore, err, w.docker)
		}
	}
}
