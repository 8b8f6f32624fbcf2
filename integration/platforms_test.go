//go:build e2e

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slimimage/slim/builder"
)

// foreignArch is an architecture that this machine does not run.
func foreignArch() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// serverFor is the test server for an architecture.
func serverFor(t *testing.T, arch string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "server")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", name, "./testdata/server")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var triplets = map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

// twoPlatforms is an image for both architectures. Beside the server it has a file in a directory that is named after the
// architecture, which the server is asked for, and one that nobody needs.
func twoPlatforms(t *testing.T) string {
	t.Helper()
	return indexOf(t, smallConfig, func(arch string) []v1.Layer {
		return []v1.Layer{filesLayer(t, map[string][]byte{
			"server": serverFor(t, arch), "data/late.txt": []byte("late " + arch + "\n"),
			"usr/lib/" + triplets[arch] + "/used.txt": []byte(arch + "\n"),
			"usr/lib/unused.txt":                      []byte("unused\n"), "etc/passwd": []byte("root:x:0:0:root:/root:/bin/sh\n"),
		}, "server")}
	})
}

// indexOf puts an image for both architectures into a layout of its own.
func indexOf(t *testing.T, config v1.Config, layersOf func(arch string) []v1.Layer) string {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{foreignArch(), runtime.GOARCH} { // the other first: the order must not matter
		image, err := mutate.AppendLayers(empty.Image, layersOf(arch)...)
		if err != nil {
			t.Fatal(err)
		}
		file := configOf(t, image).DeepCopy()
		file.OS, file.Architecture, file.Config = "linux", arch, config
		if image, err = mutate.ConfigFile(image, file); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	dir := filepath.Join(t.TempDir(), "two")
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "two"})); err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir + ":two"
}

// members are the images of an exported index by architecture, and the types of the statements about each.
func members(t *testing.T, dir string) (images map[string]v1.Image, statements map[string][]string) {
	t.Helper()
	index, manifest := layoutIndex(t, dir)
	index, manifest = innerIndex(t, index, manifest)
	images, statements = map[string]v1.Image{}, map[string][]string{}
	arches := map[string]string{}
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if about := d.Annotations["vnd.docker.reference.digest"]; about != "" {
			m, err := img.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			for _, layer := range m.Layers {
				statements[arches[about]] = append(statements[arches[about]], layer.Annotations["in-toto.io/predicate-type"])
			}
			continue
		}
		arches[d.Digest.String()] = d.Platform.Architecture
		images[d.Platform.Architecture] = img
		if err := validate.Image(img); err != nil {
			t.Errorf("%s: %v", d.Platform, err)
		}
	}
	return images, statements
}

// TestPlatforms makes one index of two platforms of which this machine runs one: the other's image follows from the first one's evidence.
func TestPlatforms(t *testing.T) {
	ref, own, other := twoPlatforms(t), "linux/"+runtime.GOARCH, "linux/"+foreignArch()
	dir := filepath.Join(t.TempDir(), "layout")
	args := []string{"--run", "do open:/usr/lib/" + triplets[runtime.GOARCH] + "/used.txt", "--keep", "observed", "--format", "json"}
	var result builder.Result
	out := mustSlim(t, append([]string{"build", ref, "--platform", other + "," + own, "--tag", "a/two:1", "--output",
		"type=oci,tar=false,dest=" + dir}, args...)...)
	decode(t, out.stdout, &result)
	images, statements := members(t, dir)
	if len(images) != 2 {
		t.Fatalf("the index has images for %d platforms, want 2", len(images))
	}
	if result.Platform != own || result.Verdict == nil || !result.Verdict.OK || len(result.Platforms) != 1 {
		t.Fatalf("result is of %s with %d more, verdict %+v; want %s, checked, and one more", result.Platform, len(result.Platforms),
			result.Verdict, own)
	}
	foreign := result.Platforms[0]
	if foreign.Platform != other || foreign.Verdict != nil || foreign.Unchecked == "" || !strings.Contains(foreign.Unobserved, own) {
		t.Errorf("the foreign image: %s, verdict %v, unchecked %q, unobserved %q", foreign.Platform, foreign.Verdict, foreign.Unchecked,
			foreign.Unobserved)
	}
	for _, one := range []*builder.Result{&result, foreign} {
		kept := map[string]bool{}
		for _, file := range one.Plan.Files {
			kept[file.Path.String()] = true
		}
		if used := "/usr/lib/" + triplets[strings.TrimPrefix(one.Platform, "linux/")] + "/used.txt"; !kept["/server"] || !kept[used] ||
			kept["/usr/lib/unused.txt"] {
			t.Errorf("%s: kept %v, want /server and %s, and no unused.txt", one.Platform, kept, used)
		}
	}
	for arch, img := range images {
		if config := configOf(t, img); config.Architecture != arch {
			t.Errorf("the config of %s says %s", arch, config.Architecture)
		}
		for _, want := range []string{"https://cyclonedx.org/bom", "https://in-toto.io/attestation/runtime-trace/v0.1",
			"https://in-toto.io/attestation/test-result/v0.1", "https://slsa.dev/provenance/v1"} {
			if !slices.Contains(statements[arch], want) {
				t.Errorf("%s: attached are %v, want %s among them", arch, statements[arch], want)
			}
		}
	}
	if !strings.Contains(out.stderr, other+": "+foreign.Unchecked) {
		t.Errorf("stderr does not say that %s was not run:\n%s", other, tail(out.stderr, 20))
	}

	t.Run("each is what one platform alone gives", func(t *testing.T) {
		_, single := built(t, ref, append([]string{"--platform", own}, args[:4]...)...)
		sameManifest(t, single, images[runtime.GOARCH])
		evidence := filepath.Join(t.TempDir(), "evidence.json")
		mustSlim(t, "observe", ref, "--platform", own, "--run", args[1], "-o", evidence)
		_, single = built(t, ref, append([]string{"--platform", other, "--evidence", evidence}, args[2:4]...)...)
		sameManifest(t, single, images[foreignArch()])
	})
	t.Run("strict", func(t *testing.T) {
		out := slim(t, "build", ref, "--platform", own+","+other, "--strict", "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"))
		if out.code != 3 || !strings.Contains(out.stderr, "not "+other) {
			t.Errorf("exit code %d, want 3 and the reason:\n%s", out.code, tail(out.stderr, 5))
		}
	})
	t.Run("foreign alone", func(t *testing.T) {
		out := slim(t, "build", ref, "--platform", other, "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"))
		if out.code != 1 || !strings.Contains(out.stderr, "--platform "+own+","+other) {
			t.Errorf("exit code %d, want 1 and the way to do it:\n%s", out.code, tail(out.stderr, 5))
		}
	})
	t.Run("wrong use", func(t *testing.T) {
		for _, args := range [][]string{{"build", ref, "--platform", own + "," + other, "--load"},
			{"observe", ref, "--platform", own + "," + other}, {"build", ref, "--platform", own + ",nonsense/x/y/z"}} {
			if out := slim(t, args...); out.code == 0 || out.code == 3 {
				t.Errorf("slim %q: exit code %d:\n%s", args, out.code, tail(out.stderr, 5))
			}
		}
	})
}

func sameManifest(t *testing.T, want, got v1.Image) {
	t.Helper()
	sameConfig(t, want, got)
	a, err := want.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := got.Digest(); err != nil || a != b {
		t.Errorf("manifest %s, %v; want %s", b, err, a)
	}
}

// extracted is Python of Debian's packages for an architecture, without running any of it.
func extracted(t *testing.T, arch string) v1.Layer {
	t.Helper()
	name := filepath.Join(cacheDir(t), "extracted-python3-"+arch+".tar")
	if _, err := os.Stat(name); err != nil {
		mmdebstrap(t, name, "--architectures="+arch, "--variant=extract", "--include=python3",
			"--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/apt/*")
	}
	layer, err := tarball.LayerFromFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// TestPlatformsDebian makes an index of Python for two architectures: the foreign image keeps files with its architecture's names, and
// nearly as many.
func TestPlatformsDebian(t *testing.T) {
	app := map[string][]byte{"app.py": []byte("import json, ssl, sqlite3, zlib\nprint(json.dumps([1]))\n")}
	config := v1.Config{Entrypoint: []string{"/usr/bin/python3", "/app.py"}, Env: []string{"PATH=/usr/bin"}}
	ref := indexOf(t, config, func(arch string) []v1.Layer { return []v1.Layer{extracted(t, arch), filesLayer(t, app)} })
	own, other := "linux/"+runtime.GOARCH, "linux/"+foreignArch()
	var result builder.Result
	out := mustSlim(t, "build", ref, "--platform", own+","+other, "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"), "--format",
		"json")
	decode(t, out.stdout, &result)
	if !result.Verdict.OK || len(result.Platforms) != 1 {
		t.Fatalf("verdict %+v, %d more platforms", result.Verdict, len(result.Platforms))
	}
	foreign := result.Platforms[0]
	kept := map[string]bool{}
	for _, file := range foreign.Plan.Files {
		kept[file.Path.String()] = true
		if strings.Contains(file.Path.String(), triplets[runtime.GOARCH]) {
			t.Errorf("%s keeps %s", other, file.Path)
		}
	}
	lib, loader := "/usr/lib/"+triplets[foreignArch()]+"/", map[string]string{"amd64": "ld-linux-x86-64.so.2",
		"arm64": "ld-linux-aarch64.so.1"}
	for _, want := range []string{lib + "libc.so.6", lib + "libssl.so.3", lib + loader[foreignArch()], "/usr/lib/python3.11/json/decoder.py",
		"/app.py",
		"/usr/lib/python3.11/lib-dynload/_ssl.cpython-311-" + triplets[foreignArch()] + ".so"} {
		if !kept[want] && !kept[strings.TrimPrefix(want, "/usr")] { // bookworm's packages themselves are not merged yet
			t.Errorf("%s does not keep %s", other, want)
		}
	}
	if n, m := len(result.Plan.Files), len(foreign.Plan.Files); m < n*95/100 || m > n*105/100 {
		t.Errorf("%s keeps %d files, %s %d: want as many, nearly", own, n, other, m)
	}
	t.Logf("%s: %d files, %.1f MB; %s: %d files, %.1f MB", own, len(result.Plan.Files), float64(result.SizeAfter)/1e6, other,
		len(foreign.Plan.Files), float64(foreign.SizeAfter)/1e6)
}
