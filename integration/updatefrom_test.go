//go:build e2e && updates

package integration

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slimimage/slim/builder"
)

// An image without a package manager, and then the image that slim made of it, are updated with apt and dpkg-deb of a helper image. The
// records of both say the new version, and the files of the old one are gone.
func TestUpdateFrom(t *testing.T) {
	repo := newDebs(t, time.Now().Add(-time.Hour), 0)
	repo.publish(t, map[string]string{"1.0-2": "world"})
	helper := memoryRegistry(t) + "/helper:1"
	pushedFrom(t, repo.image(t, "update-helper", "install ok installed"), helper)
	const record = "var/lib/dpkg/status.d/flaw"
	ref := addImageOver(t, "web", "update-from", v1.Config{Cmd: []string{"/usr/bin/flaw"}}, filesLayer(t, map[string][]byte{
		"usr/bin/flaw": []byte(flawProgram("1.0-1", "world")), flawText: []byte("hello\n"), "usr/share/flaw/old": []byte("old\n"),
		"usr/bin/.wh.apt-get": nil, "var/lib/dpkg/.wh.status": nil,
		record:              []byte("Package: flaw\nVersion: 1.0-1\nArchitecture: all\nDepends: not-there (>= 1)\nDescription: a test\n"),
		record + ".md5sums": []byte("0  usr/bin/flaw\n0  usr/share/flaw/old\n"),
	}))
	notUpdated(t, 1, "the image has no package manager that slim knows", append([]string{ref}, updating...)...)
	from := append([]string{"--update-from", helper}, updating...)
	update := func(ref, before, after string, more ...string) string {
		dir, report := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "report.json")
		args := append(append([]string{"build", ref, "--output", "type=oci,tar=false,dest=" + dir, "--report", report}, from...), more...)
		out := mustSlim(t, args...)
		var result builder.Result
		if err := json.Unmarshal([]byte(read(t, report)), &result); err != nil {
			t.Fatal(err)
		}
		if u := result.Update; u == nil || len(u.Packages) != 1 || u.Packages[0].Before != before || u.Packages[0].After != after ||
			!strings.Contains(out.stderr, "no script of an updated package ran") {
			t.Errorf("update = %+v, want flaw from %s to %s and a note in\n%s", u, before, after, tail(out.stderr, 15))
		}
		files := contents(t, readLayout(t, dir))
		_, old := files["/usr/share/flaw/old"]
		if got := string(files["/"+record].data); !strings.Contains(got, "Version: "+after+"\n") || old ||
			!strings.Contains(string(files["/usr/bin/flaw"].data), after) {
			t.Errorf("the record is %q, the program %q, an old file is there: %v", got, files["/usr/bin/flaw"].data, old)
		}
		return "oci:" + dir
	}
	slimmed := update(ref, "1.0-1", "1.0-2")
	repo.publish(t, map[string]string{"1.0-3": "world"})
	update(slimmed, "1.0-2", "1.0-3", "--force")
}

// pushedFrom pushes an image of the shared OCI layout.
func pushedFrom(t testing.TB, ref, to string) {
	t.Helper()
	dir, refName, _ := strings.Cut(strings.TrimPrefix(ref, "oci:"), ":")
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	found, err := partial.FindImages(index, match.Name(refName))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d images, %v", ref, len(found), err)
	}
	parsed, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, found[0]); err != nil {
		t.Fatal(err)
	}
}
