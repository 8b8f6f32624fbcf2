//go:build e2e

package integration

import (
	"archive/tar"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
)

// TestConfinement: a program sees the same profile in the check as under the docker line: capability sets, no_new_privs, filter, and size,
// owner, mode and noexec of a mount. What it should see is in the image, and the original says so.
func TestConfinement(t *testing.T) {
	docker(t)
	for name, args := range map[string][]string{"user": nil, "root": {"--user", "root"}} {
		t.Run(name, func(t *testing.T) {
			image := func(step, expected string) string {
				return doImage(t, "confinement-"+name+"-"+step, v1.Config{}, []entry{
					{tar.Header{Name: "expected", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(expected))}, []byte(expected)},
					{tar.Header{Name: "work", Typeflag: tar.TypeDir, Mode: 0o755}, nil}}, "append:/work/x", "confinement:/work,/expected")
			}
			var unknown builder.Result
			first := slim(t, append([]string{"build", image("1", "nothing\n"), "--keep-going", "--format", "json", "--progress", "plain",
				"--output", "type=oci,dest=" + filepath.Join(t.TempDir(), "x.tar")}, args...)...)
			decode(t, first.stdout, &unknown)

			dir, want := t.TempDir(), seenConfinement(t, unknown)
			result, img := built(t, image("2", want), append([]string{"--artifacts", dir, "--tag", "slim-e2e-confinement:" + name}, args...)...)
			if result.Verdict == nil || !result.Verdict.Confined {
				t.Errorf("verdict %+v, want one under the profile", result.Verdict)
			}
			load(t, map[string]v1.Image{"slim-e2e-confinement:" + name: img})
			out, err := exec.Command("sh", filepath.Join(dir, "docker-run.sh")).CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("docker-run.sh: %v\n got %s\nwant %s", err, out, want)
			}
		})
	}
}

// seenConfinement is what a program should see under the profile of a result.
func seenConfinement(t *testing.T, r builder.Result) string {
	t.Helper()
	if r.Profile == nil {
		t.Fatal("the result has no profile")
	}
	mounts := r.Profile.WritableMounts()
	i := slices.IndexFunc(mounts, func(m profile.WritableMount) bool { return m.Path == "work" })
	if i < 0 {
		t.Fatalf("mounts %+v, want /work among them", mounts)
	}
	var bounding, own uint64
	for _, name := range r.Profile.Capabilities {
		bounding |= analyzer.CapabilityBit(name)
	}
	if r.Profile.UID == 0 {
		own = bounding
	}
	return fmt.Sprintf("CapInh %016x\nCapPrm %016x\nCapEff %016x\nCapBnd %016x\nCapAmb %016x\nNoNewPrivs 1\nSeccomp 2\n"+
		"/work %d MiB %o %d:%d\nwrite <nil> execute permission denied\n",
		0, own, own, bounding, 0, mounts[i].Size>>20, mounts[i].Mode, mounts[i].UID, mounts[i].GID)
}
