package builder

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDevGuardFiles: what is not known is no file.
func TestDevGuardFiles(t *testing.T) {
	for name, test := range map[string]struct {
		result Result
		want   []string
	}{
		"nothing":  {Result{}, nil},
		"exported": {Result{Digest: "sha256:1"}, []string{fileDigest}},
		"named":    {Result{Names: []string{"app:2"}, Platform: "linux/arm64/v8"}, []string{filePurlSafe, filePurl, fileTag, fileVariables}},
		"all": {Result{Digest: "sha256:1", Names: []string{"a/app"}, Provenance: []byte("{}")},
			[]string{filePurlSafe, filePurl, fileProvenance, fileDigest, fileTag, fileVariables}},
	} {
		files := map[string][]byte{}
		devGuardFiles(&test.result, files)
		if got := slices.Sorted(maps.Keys(files)); !cmp.Equal(got, test.want) {
			t.Errorf("%s: files %q, want %q", name, got, test.want)
		}
	}
	files := map[string][]byte{}
	devGuardFiles(&Result{Names: []string{"app:2"}, Platform: "linux/arm64/v8"}, files)
	if got, want := string(files[filePurl]), "pkg:oci/app?repository_url=app&arch=arm64&tag=2\n"; got != want {
		t.Errorf("purl %q, want %q", got, want)
	}
}
