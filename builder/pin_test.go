package builder

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/layers"
)

// classicDocker is the BuildKit of a Docker engine with the classic store, which resolves a name to a config.
type classicDocker struct {
	*fakeBuildKit
	config []byte
	digest digest.Digest // of a registry's image
}

func (d classicDocker) ResolveImageConfig(_ context.Context, name string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	if opt.ImageOpt.ResolveMode != "local" {
		d.t.Errorf("%s is resolved in mode %q, want that of local images", name, opt.ImageOpt.ResolveMode)
	}
	return name, d.digest, d.config, nil
}

// What runs is what was opened: another config under the name, or an image that came from a registry, is an error.
func TestPin(t *testing.T) {
	opened := []byte(`{"os":"linux"}`)
	for _, test := range []struct {
		name   string
		docker classicDocker
		fail   string
	}{
		{"the same image", classicDocker{config: opened}, ""},
		{"the tag has moved", classicDocker{config: []byte(`{"os": "linux"}`)}, "another image under this name"},
		{"the image is gone", classicDocker{config: opened, digest: digest.FromString("registry")}, "no image of this name any more"},
	} {
		test.docker.fakeBuildKit = &fakeBuildKit{t: t}
		b := testBuild(Options{Input: &layers.Input{Name: "app:1", Local: "docker.io/library/app:1"}})
		err := b.pin(t.Context(), test.docker, input{state: llb.Image("app:1")}, opened)
		if (err == nil) != (test.fail == "") || err != nil && !strings.Contains(err.Error(), test.fail) {
			t.Errorf("%s: pin() = %v, want %q", test.name, err, test.fail)
		}
		if len(test.docker.solved) != 1 {
			t.Errorf("%s: pin() solved %d steps, want the image, so that BuildKit has resolved it", test.name, len(test.docker.solved))
		}
	}
}
