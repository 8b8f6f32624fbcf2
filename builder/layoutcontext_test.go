package builder

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// A context in an OCI layout is found by tag, by digest, as the only image or as the latest; everything else says what there is.
func TestLayoutContext(t *testing.T) {
	digests := map[string]string{}
	dir := func(name string, tags ...string) string {
		dir := filepath.Join(t.TempDir(), name)
		l, err := layout.Write(dir, empty.Index)
		for _, tag := range tags {
			img, _ := random.Image(16, 1)
			hash, _ := img.Digest()
			digests[tag] = hash.String()
			err = l.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag}))
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one, two, three := dir("one", "a"), dir("two", "b", "latest"), dir("three", "c", "d")
	for value, want := range map[string]string{
		one:                        digests["a"],
		one + ":a":                 digests["a"],
		two:                        digests["latest"],
		two + ":b":                 digests["b"],
		two + "@" + digests["b"]:   digests["b"],
		two + ":x@" + digests["b"]: digests["b"],
		three + ":d":               digests["d"],
	} {
		if got, err := openLayoutContext(layoutScheme + value); err != nil || got.digest != want {
			t.Errorf("openLayoutContext(%q) = %v, %v, want %s", value, got, err, want)
		}
	}
	for value, want := range map[string]string{
		three:                      `there is no image "latest" in it, only c, d`,
		one + ":x":                 `there is no image "x" in it, only a`,
		one + "@" + digests["b"]:   "there is no image",
		t.TempDir():                "it has no index.json",
		filepath.Join(one, "none"): "it has no index.json",
	} {
		if got, err := openLayoutContext(layoutScheme + value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("openLayoutContext(%q) = %v, %v, want an error with %q", value, got, err, want)
		}
	}
}
