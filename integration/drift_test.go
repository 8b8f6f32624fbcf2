//go:build e2e

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slimimage/slim/builder/drift"
	"github.com/slimimage/slim/layers"
)

// TestDrift follows one image: its lock and its labels say what it was made of, a database what a rebuild would close, and the nightly job
// of examples/ci rebuilds when the base has moved, and only then.
func TestDrift(t *testing.T) {
	layout, database := flawed(t)
	base, work := memoryRegistry(t)+"/apps/flawed:1", t.TempDir()
	pushedAs(t, layout, base)
	lock, out := filepath.Join(work, "slim.lock"), filepath.Join(work, "layout")
	mustSlim(t, "build", base, "--output", "type=oci,tar=false,dest="+out, "--tag", "registry.example.com/team/drift:1", "--lock="+lock)
	for _, subject := range []string{lock, "oci:" + out} {
		if got := slim(t, "check", subject); got.code != 0 || !strings.Contains(got.stdout, " is still sha256:") {
			t.Errorf("check %s: exit code %d\n%s%s", subject, got.code, got.stdout, got.stderr)
		}
		found := slim(t, "check", subject, "--vuln-db", database, "--format", "json")
		var report drift.Report
		decode(t, found.stdout, &report)
		var closed []string
		for _, f := range report.Findings {
			closed = append(closed, string(f.Action)+" "+f.ID)
		}
		// CVE-2026-0002 is in a package that the slim image does not have, CVE-2026-0004 and -0005 are in Go's library.
		for _, want := range []string{"rebuild CVE-2026-0001", "rebuild CVE-2026-0003", "edit CVE-2026-0004"} {
			if !strings.Contains(strings.Join(closed, ", "), want) {
				t.Errorf("%s: findings = %q, want %s", subject, closed, want)
			}
		}
		if linked := strings.Contains(found.stdout, "CVE-2026-0005"); linked != (subject == lock) { // only a program says what it has
			t.Errorf("%s: a function that the program does not have is a finding: %v", subject, linked)
		}
		if found.code != 4 || strings.Contains(found.stdout, "CVE-2026-0002") {
			t.Errorf("%s: exit code %d\n%s", subject, found.code, found.stdout)
		}
	}
	rebuilt := filepath.Join(work, "rebuilt")
	nightly(t, work, lock, rebuilt)
	if _, err := os.Stat(rebuilt); err == nil {
		t.Error("the nightly job rebuilt although nothing has changed")
	}
	pushedAs(t, layout, base, entriesLayer(t, []entry{file("etc/new", "")}))
	nightly(t, work, lock, rebuilt)
	if _, err := os.Stat(rebuilt); err != nil {
		t.Errorf("the nightly job did not rebuild although the base has moved: %v", err)
	}
}

// pushedAs puts an image, with more layers, into a registry.
func pushedAs(t *testing.T, ref, to string, extra ...v1.Layer) {
	t.Helper()
	in, err := layers.Open(t.Context(), ref, layers.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(in.Image, extra...)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, img); err != nil {
		t.Fatal(err)
	}
}

// nightly runs examples/ci/nightly.sh with a command that makes a file.
func nightly(t *testing.T, dir, subject, makes string) {
	t.Helper()
	script, err := filepath.Abs("../examples/ci/nightly.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", script, subject, "touch", makes)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OSV_DIR=", "PATH="+filepath.Dir(slimBinary)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nightly job: %v\n%s", err, out)
	}
	for _, made := range []string{"drift.sarif", "summary.md"} {
		if info, err := os.Stat(filepath.Join(dir, "slim-out", made)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", made, err)
		}
	}
}
