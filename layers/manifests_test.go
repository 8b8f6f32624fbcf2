package layers

import (
	"context"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A document that one reader takes for an index and another for an image is neither.
func TestIsIndex(t *testing.T) {
	for _, test := range []struct {
		data     string
		declared types.MediaType
		index    bool
		err      string
	}{
		{`{"manifests":[]}`, "", true, ""},
		{`{"manifests":null}`, types.OCIImageIndex, true, ""},
		{`{"config":{},"layers":[]}`, types.OCIManifestSchema1, false, ""},
		{`{"layers":[{"annotations":{"a":"1","A":"2"}},{}]}`, "", false, ""},
		{`{"manifests":[],"config":{},"layers":[]}`, "", false, "an image index and an image at once"},
		{`{"Manifests":[],"config":{}}`, "", false, "an image index and an image at once"},
		{`{}`, "", false, "neither an image index nor an image"},
		{`{"manifests":[]}`, types.DockerManifestSchema2, false, "not that of its media type"},
		{`{"mediaType":"` + string(types.OCIManifestSchema1) + `","manifests":[]}`, "", false, "not that of its media type"},
		{`{"mediaType":"` + string(types.DockerManifestList) + `","layers":[]}`, "", false, "not that of its media type"},
		{`{"manifests":[],"manifests":[{}]}`, "", false, `the key "manifests" twice`},
		{`{"manifests":[{"digest":"a","Digest":"b"}]}`, "", false, `the key "digest" twice`},
		{`{"manifests":[{"annotations":{"a":"1","a":"2"}}]}`, "", false, `the key "a" twice`},
		{`{"manifests":[]}{"layers":[]}`, "", false, "after top-level value"},
		{`[]`, "", false, "cannot unmarshal"},
		{``, "", false, "unexpected end"},
		{`{"layers":` + strings.Repeat("[", 1<<20), "", false, "exceeded max depth"},
	} {
		got, err := IsIndex([]byte(test.data), test.declared)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if got != test.index || !strings.Contains(message, test.err) || test.err == "" && err != nil {
			t.Errorf("IsIndex(%.60s, %q) = %v, %q; want %v, %q", test.data, test.declared, got, message, test.index, test.err)
		}
	}
}

// A runtime selects by platform: what has one is an image, whatever its annotations say.
func TestIsAttestation(t *testing.T) {
	none := &v1.Platform{OS: "unknown", Architecture: "unknown"}
	for _, test := range []struct {
		kind     string
		platform *v1.Platform
		want     bool
	}{
		{"attestation-manifest", none, true},
		{"attestation-manifest", &v1.Platform{OS: "linux", Architecture: "amd64"}, false},
		{"attestation-manifest", &v1.Platform{OS: "unknown", Architecture: "amd64"}, false},
		{"attestation-manifest", nil, false},
		{"x", none, false},
		{"", none, false},
	} {
		d := v1.Descriptor{Annotations: map[string]string{"vnd.docker.reference.type": test.kind}, Platform: test.platform}
		if got := IsAttestation(d); got != test.want {
			t.Errorf("IsAttestation(%q of %v) = %v, want %v", test.kind, test.platform, got, test.want)
		}
	}
}

// TestAttackNames: the name in an archive is any text. It becomes one of an image, so that no line and no option is injected where it is
// written.
func TestAttackNames(t *testing.T) {
	for _, test := range []struct{ repo, tag, wantRepo, wantTag string }{
		{"web", "1.2", "web", "1.2"},
		{"registry.example.com:5000/a/b", "", "registry.example.com:5000/a/b", ""},
		{"", "", "", ""},
		{"web\nIMAGE_TAG=evil", "1\nX=y", "web-image-tag-evil", ""},
		{"--privileged", "-1", "privileged", ""},
		{"../../etc/Pass wd", "latest", "pass-wd", "latest"},
		{"$(id)", "$(id)", "id", ""},
		{"..", "", "image", ""},
	} {
		if repo, tag := validName(test.repo, test.tag); repo != test.wantRepo || tag != test.wantTag {
			t.Errorf("validName(%q, %q) = %q, %q, want %q, %q", test.repo, test.tag, repo, tag, test.wantRepo, test.wantTag)
		}
	}
	img := small(t)
	dir := ociDir(t, mutate.AppendManifests(empty.Index, named1(img, "web\nX=y:1\nZ=z")))
	in, err := Open(context.Background(), "oci:"+dir, OpenOptions{Platform: &amd64})
	if err != nil || strings.ContainsAny(in.Repo+in.Tag, "\n=") || in.Repo == "" {
		t.Errorf("Open = %+v, %v, want a name without line breaks", in, err)
	}
}
