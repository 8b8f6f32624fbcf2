package sign

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// copyLayout copies an image, cosign's tags and the referrers into an OCI layout.
func (w *world) copyLayout(dir string) {
	w.t.Helper()
	path := must(layout.Write(dir, empty.Index))
	named := func(tag string) layout.Option { return layout.WithAnnotations(map[string]string{refName: tag}) }
	if err := path.AppendIndex(must(remote.Index(w.repo.Tag("1"))), named("1")); err != nil {
		w.t.Fatal(err)
	}
	for n := range 3 {
		s := w.subject(n)
		for _, suffix := range []string{".sig", ".att"} {
			tag := tagOf(s.digest, suffix)
			if err := path.AppendImage(must(remote.Image(w.repo.Tag(tag))), named(tag)); err != nil {
				w.t.Fatal(err)
			}
		}
		for _, digest := range must(w.store().referrers(context.Background(), s.digest)) {
			if err := path.AppendImage(must(remote.Image(w.repo.Digest(digest.String())))); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func TestVerifyLayout(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	w.attest(key)
	dir := filepath.Join(t.TempDir(), "layout")
	w.copyLayout(dir)
	blob := func(digest v1.Hash) string { return filepath.Join(dir, "blobs", "sha256", digest.Hex) }
	verify := func(name string) *Report {
		t.Helper()
		report, err := Verify(context.Background(), "oci:"+dir+name, VerifyOptions{Key: key.Public})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	want := w.verify(key, nil)
	for _, name := range []string{"", ":1"} {
		if diff := cmp.Diff(lines(want), lines(verify(name))); diff != "" {
			t.Errorf("oci:DIR%s: %s", name, diff)
		}
	}
	layer := blob(w.subject(1).manifest.Layers[0].Digest)
	data := must(os.ReadFile(layer))
	if err := os.WriteFile(layer, append(data, 'x'), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := verify("").Problems; len(got) != 1 || !strings.Contains(got[0].Message,
		"linux/amd64: layer 1 was changed: its bytes are not those of sha256:") {
		t.Errorf("problems: %v", got)
	}
	if err := os.WriteFile(layer, data, 0o644); err != nil {
		t.Fatal(err)
	}
	manifest := blob(w.subject(1).digest)
	if err := os.WriteFile(manifest, append(must(os.ReadFile(manifest)), ' '), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(context.Background(), "oci:"+dir, VerifyOptions{Key: key.Public}); err == nil || !strings.Contains(err.Error(),
		"wrong digest") {
		t.Errorf("a changed manifest: %v", err)
	}
	if _, err := Verify(context.Background(), "oci:"+dir+":none", VerifyOptions{Key: key.Public}); err == nil {
		t.Error("a name that is not there: no error")
	}
}
