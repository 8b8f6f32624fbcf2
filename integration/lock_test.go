//go:build e2e

package integration

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushed puts an image of the shared layout, with more layers, into a registry.
func pushed(t testing.TB, ref, to string, extra ...v1.Layer) {
	t.Helper()
	img, err := mutate.AppendLayers(readSmall(t, ref), extra...)
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

func memoryRegistry(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// fresh builds with an empty state directory and returns the digest of the platform manifest.
func fresh(t *testing.T, args ...string) (string, output) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	args = append(append([]string{"build"}, args...), "--output", "type=oci,tar=false,dest="+dir, "--progress", "plain")
	out := slimEnv(t, []string{"SLIM_CACHE=" + t.TempDir()}, args...)
	if out.code != 0 {
		t.Fatalf("slim %q: exit code %d\n%s", args, out.code, tail(out.stderr, 30))
	}
	digest, err := readLayout(t, dir).Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String(), out
}

// A lock makes the same image anywhere without running the application, and refuses what moved.
func TestLocked(t *testing.T) {
	ref := memoryRegistry(t) + "/apps/small:1"
	pushed(t, small(t), ref)
	lock := filepath.Join(t.TempDir(), "slim.lock")
	flags := []string{ref, "--exec", "/server hello"}
	first, out := fresh(t, append(flags, "--lock="+lock)...)
	if !strings.Contains(out.stderr, "\nobserve ") {
		t.Fatalf("the first build did not run the image:\n%s", out.stderr)
	}
	before := read(t, lock)
	if !strings.Contains(before, `"manifest": "`+first+`"`) {
		t.Errorf("the lock does not name %s:\n%s", first, before)
	}
	for range 2 {
		again, out := fresh(t, append(flags, "--locked="+lock)...)
		if again != first {
			t.Errorf("digest = %s, want %s", again, first)
		}
		for _, stage := range []string{"\nobserve ", "\ncheck "} {
			if strings.Contains(out.stderr, stage) {
				t.Errorf("the application was run (%s):\n%s", stage, out.stderr)
			}
		}
	}
	if _, _ = fresh(t, append(flags, "--lock="+lock)...); read(t, lock) != before {
		t.Errorf("the same build wrote another lock:\n%s\nwas:\n%s", read(t, lock), before)
	}
	t.Run("its evidence says nothing that the answers said", func(t *testing.T) {
		if text := read(t, lock+".evidence.json"); strings.Contains(text, `"body"`) {
			t.Error("the evidence of the lock holds bodies")
		}
	})
	t.Run("a result that differs gets no name", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "slim.lock")
		write(t, other+".evidence.json", read(t, lock+".evidence.json"))
		text := strings.Replace(before, `"file": "slim.lock.evidence.json"`, `"file": "`+filepath.Base(other)+`.evidence.json"`, 1)
		write(t, other, strings.Replace(text, first, "sha256:"+strings.Repeat("0", 64), 1))
		out := slim(t, append([]string{"build", "--locked=" + other, "--output", "type=oci,dest=" + filepath.Join(t.TempDir(), "x.tar")},
			flags...)...)
		if out.code != 1 || !strings.Contains(out.stderr, "the result is "+first) || out.stdout != "" {
			t.Errorf("exit code %d, stdout %q:\n%s", out.code, out.stdout, tail(out.stderr, 10))
		}
	})
	t.Run("the input moved", func(t *testing.T) {
		if out := slim(t, "check", "--outdated", lock); out.code != 0 {
			t.Errorf("exit code %d before it moved\n%s", out.code, out.stderr)
		}
		pushed(t, small(t), ref, filesLayer(t, map[string][]byte{"data/more.txt": []byte("more")}))
		out := slim(t, append([]string{"build", "--locked=" + lock}, flags...)...)
		if out.code != 1 || !strings.Contains(out.stderr, "the input moved") {
			t.Errorf("exit code %d, want 1:\n%s", out.code, tail(out.stderr, 10))
		}
		if out := slim(t, "check", "--outdated", lock); out.code != 1 || !strings.Contains(out.stdout, " moved from sha256:") {
			t.Errorf("exit code %d, stdout %q, want 1 and what moved", out.code, out.stdout)
		}
	})
}

// The lock of a Dockerfile records its inputs: its base image, its text, and the files that it copies.
func TestLockedDockerfile(t *testing.T) {
	base := memoryRegistry(t) + "/apps/base:1"
	pushed(t, small(t), base)
	context := t.TempDir()
	dockerfile := filepath.Join(context, "Dockerfile")
	write(t, dockerfile, "FROM "+base+"\nCOPY extra.txt /data/late.txt\nCOPY *.lock* extra.txt /locks/\n"+
		"ENV PATH=/\nENTRYPOINT [\"/server\"]\n")
	write(t, filepath.Join(context, "extra.txt"), "late\n")
	lock, cache := filepath.Join(context, "slim.lock"), t.TempDir()
	first, _ := fresh(t, "-f", dockerfile, context, "--lock", "--cache-to", "type=local,mode=max,dest="+cache)
	write(t, filepath.Join(context, "README"), "nobody copies it\n")
	if again, _ := fresh(t, "-f", dockerfile, context, "--locked", "--cache-from", "type=local,src="+cache); again != first {
		t.Errorf("digest = %s, want %s", again, first)
	}
	refuse := func(want string) {
		t.Helper()
		out := slim(t, "build", "-f", dockerfile, context, "--locked", "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"))
		if out.code != 1 || !strings.Contains(out.stderr, want) {
			t.Errorf("exit code %d, want 1 and %q:\n%s", out.code, want, tail(out.stderr, 10))
		}
	}
	write(t, filepath.Join(context, "extra.txt"), "otherwise\n")
	refuse("a file that it takes is not what was locked")
	write(t, filepath.Join(context, "extra.txt"), "late\n")
	if out := slim(t, "check", "--outdated", lock); out.code != 0 || !strings.Contains(out.stdout, base+" is still sha256:") {
		t.Errorf("exit code %d, stdout %q", out.code, out.stdout)
	}
	pushed(t, small(t), base, filesLayer(t, map[string][]byte{"data/more.txt": []byte("more")}))
	refuse("the base " + base + " is sha256:")
	if out := slim(t, "check", "--outdated", lock); out.code != 1 || !strings.Contains(out.stdout, base+" moved from") {
		t.Errorf("exit code %d, stdout %q", out.code, out.stdout)
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
