//go:build e2e

package integration

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// refused runs a build that has to fail: one clear line on stderr that names what is wrong, the exit code, and no output file.
func refused(t *testing.T, code int, want string, args ...string) {
	t.Helper()
	dest := filepath.Join(t.TempDir(), "out.tar")
	out := slim(t, append([]string{"build", "--progress", "quiet", "--output", "type=oci,dest=" + dest}, args...)...)
	t.Log(out.stderr)
	if out.code != code {
		t.Errorf("exit code = %d, want %d", out.code, code)
	}
	said := 0
	for _, line := range strings.Split(strings.TrimSpace(out.stderr), "\n") {
		if strings.Contains(line, want) {
			said++
		}
		if !strings.HasPrefix(line, "slim: ") || len(line) > 600 {
			t.Errorf("stderr has a line that is not slim's: %q", line)
		}
	}
	if said != 1 || strings.Count(out.stderr, "\n") > 12 {
		t.Errorf("stderr says %q %d times, want once in a few lines:\n%s", want, said, tail(out.stderr, 30))
	}
	if out.stdout != "" {
		t.Errorf("stdout has a result: %q", out.stdout)
	}
	left, err := os.ReadDir(filepath.Dir(dest))
	if err != nil || len(left) != 0 {
		t.Errorf("it left %v (%v) behind", left, err)
	}
}

// TestHostileInputs has one case for each kind of hostile input that the builder meets; package layers has more, of archives and
// registries.
func TestHostileInputs(t *testing.T) {
	img := smallImage(t)
	t.Run("no entrypoint program", func(t *testing.T) {
		refused(t, 3, "/nowhere", addToLayout(t, "nowhere", img, v1.Config{Entrypoint: []string{"/nowhere"}}))
	})
	t.Run("nothing to run", func(t *testing.T) {
		refused(t, 1, "neither ENTRYPOINT nor CMD", addToLayout(t, "nothing", img, v1.Config{}))
	})
	t.Run("another architecture", func(t *testing.T) {
		refused(t, 1, "s390x", foreign(t, img))
	})
	t.Run("entrypoint is a cyclic symlink", func(t *testing.T) {
		loop := withEntries(t, img, entry{tar.Header{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop2"}, nil},
			entry{tar.Header{Name: "loop2", Typeflag: tar.TypeSymlink, Linkname: "/loop"}, nil})
		refused(t, 3, "/loop", addToLayout(t, "loop", loop, v1.Config{Entrypoint: []string{"/loop"}}))
	})
	t.Run("entrypoint is an ELF file with absurd headers", func(t *testing.T) {
		absurd := withEntries(t, img, absurdELF("absurd", 0o755))
		refused(t, 3, "/absurd", addToLayout(t, "absurd", absurd, v1.Config{Entrypoint: []string{"/absurd"}}))
	})
	t.Run("truncated layer", func(t *testing.T) {
		dir, blobs := blobsOf(t, img)
		must(t, os.Truncate(blobs[0], 100))
		refused(t, 1, "has 100 bytes, its manifest says", "oci:"+dir)
	})
	t.Run("wrong digest", func(t *testing.T) {
		// A layer that BuildKit does not have: of one that it has, it needs no blob.
		dir, blobs := blobsOf(t, withEntries(t, img, file("data/unread", strings.Repeat("never unpacked ", 1000))))
		data, err := os.ReadFile(blobs[0])
		must(t, err)
		data[len(data)/2] ^= 1
		must(t, os.WriteFile(blobs[0], data, 0o644))
		refused(t, 1, "the image is damaged: blob sha256:", "oci:"+dir)
	})
	t.Run("config of 100 MB", func(t *testing.T) {
		dir, blobs := blobsOf(t, img)
		must(t, os.Truncate(blobs[1], 100<<20))
		refused(t, 1, "has 104857600 bytes", "oci:"+dir)
	})
	t.Run("tar bomb", func(t *testing.T) {
		refused(t, 1, "larger than slim reads", "docker-archive:"+bomb(t))
	})
	t.Run("no such image", func(t *testing.T) {
		refused(t, 1, "nothing-here", "oci:/nothing-here")
	})
}

// What an image may say, and what means something else here than outside: it is built, and nothing leaves the root filesystem.
func TestHostileNames(t *testing.T) {
	img := smallImage(t)
	outside := t.TempDir()
	climb := strings.Repeat("../", 12)
	secret := filepath.Join(outside, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o644))
	images := map[string][]entry{
		"a name that climbs out":   {file(climb+strings.TrimPrefix(outside, "/")+"/escape", "x")},
		"an absolute name":         {file(outside+"/escape", "x")},
		"a file behind a symlink":  {{tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: outside}, nil}, file("out/escape", "x")},
		"a symlink out":            {{tar.Header{Name: "data/out", Typeflag: tar.TypeSymlink, Linkname: "../../../../../.." + secret}, nil}},
		"a cyclic symlink":         {{tar.Header{Name: "data/loop", Typeflag: tar.TypeSymlink, Linkname: "loop"}, nil}},
		"an ELF of absurd headers": {absurdELF("data/libabsurd.so", 0o644)},
		"a hard link to a file out": {{tar.Header{Name: "data/hard", Typeflag: tar.TypeLink, Linkname: climb + strings.TrimPrefix(secret, "/")},
			nil}},
	}
	for name, entries := range images {
		t.Run(name, func(t *testing.T) {
			ref := addToLayout(t, strings.ReplaceAll(name, " ", "-"), withEntries(t, img, entries...), smallConfig)
			if strings.HasPrefix(name, "a hard link") {
				refused(t, 1, "secret", ref)
			} else {
				_, slim := built(t, ref)
				for path, header := range tree(t, slim) {
					if header.Typeflag == tar.TypeReg && header.Size == int64(len("secret")) || strings.Contains(header.Name, "..") {
						t.Errorf("%s is in the slim image: %+v", path, header)
					}
				}
			}
			left, err := os.ReadDir(outside)
			if err != nil || len(left) != 1 {
				t.Errorf("outside there are now %v (%v)", left, err)
			}
		})
	}
}

// absurdELF is an ELF header that promises tables of billions of bytes behind the end of the file.
func absurdELF(name string, mode int64) entry {
	data := make([]byte, 64)
	copy(data, "\x7fELF\x02\x01\x01")
	data[16], data[18], data[20] = 3, 62, 1 // ET_DYN, EM_X86_64, EV_CURRENT
	for i := 24; i < 48; i++ {              // entry, program headers, section headers
		data[i] = 0x7f
	}
	for i := 54; i < 64; i++ { // sizes and numbers of the headers
		data[i] = 0xff
	}
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(data))}, data}
}

// bomb is a Docker archive of a few MB that becomes some GB.
func bomb(t *testing.T) string {
	t.Helper()
	const size = 2 << 30
	name := filepath.Join(t.TempDir(), "bomb.tar.gz")
	f, err := os.Create(name)
	must(t, err)
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	must(t, err)
	w := tar.NewWriter(z)
	must(t, w.WriteHeader(&tar.Header{Name: "layer.tar", Typeflag: tar.TypeReg, Mode: 0o644, Size: size}))
	block := make([]byte, 1<<20)
	for range size / len(block) {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	for _, closer := range []io.Closer{w, z, f} {
		must(t, closer.Close())
	}
	return name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeLayout(t *testing.T, dir string, img v1.Image) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(img, mustConfig(t, img))
	must(t, err)
	writeIndex(t, dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}))
	return img
}

// blobsOf writes the image as an OCI layout and names two of its files: the last layer, the config.
func blobsOf(t *testing.T, img v1.Image) (dir string, blobs [2]string) {
	t.Helper()
	dir = t.TempDir()
	manifest, err := writeLayout(t, dir, img).Manifest()
	must(t, err)
	for i, d := range []v1.Hash{manifest.Layers[len(manifest.Layers)-1].Digest, manifest.Config.Digest} {
		blobs[i] = filepath.Join(dir, "blobs", "sha256", d.Hex)
	}
	return dir, blobs
}

func foreign(t *testing.T, img v1.Image) string {
	t.Helper()
	file := mustConfig(t, img)
	file.Architecture = "s390x"
	img, err := mutate.ConfigFile(img, file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeIndex(t, dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}}))
	return "oci:" + dir
}

// withEntries adds a layer.
func withEntries(t *testing.T, img v1.Image, entries ...entry) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(img, entriesLayer(t, entries))
	must(t, err)
	return img
}

// An interrupt at any moment leaves no file, no process and no mount.
func TestInterrupt(t *testing.T) {
	sleeper := addToLayout(t, "sleeper", smallImage(t), v1.Config{Entrypoint: []string{"/server", "sleep"}})
	for _, after := range []time.Duration{300 * time.Millisecond, 4 * time.Second} {
		dir := t.TempDir()
		cmd := exec.Command(slimBinary, "build", "--output", "type=oci,dest="+filepath.Join(dir, "x.tar"), sleeper)
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(dir, "cache"), "SLIM_ENGINE=embedded")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			t.Fatal("still running 30 s after the interrupt")
		}
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			t.Errorf("interrupted after %v: exit code %d, want 130", after, code)
		}
		if _, err := os.Stat(filepath.Join(dir, "x.tar")); err == nil {
			t.Error("an output file was left")
		}
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(mounts), dir) {
			t.Errorf("a mount was left:\n%s", grep(string(mounts), dir))
		}
		if out, err := exec.Command("pgrep", "-f", dir).Output(); err == nil {
			t.Errorf("processes were left: %s", out)
		}
	}
}

func grep(s, word string) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
