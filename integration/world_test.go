//go:build e2e

package integration

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/tools/txtar"
)

// worlds are the applications of the tests, in Debian root filesystems: each is made and unpacked once, and every case is one
// small layer over one of them ("base" unless it says otherwise).
var worlds = map[string][]string{"base": worldPackages, "more": {
	"ca-certificates", "elixir", "ghostscript", "graphviz", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-tools",
	"guile-3.0",
	"mariadb-server", "mosquitto", "mosquitto-clients", "node-express", "node-ws", "node-yaml", "nodejs", "puma", "python3-fastapi",
	"python3-sqlalchemy",
	"r-base-core", "ruby-rack", "ruby-sinatra", "tzdata", "uvicorn",
}, "shop": {"gunicorn", "postgresql", "python3-flask", "python3-psycopg2", "python3-redis", "redis-server"}, "web": {"nginx-light"},
	"rpm": {"busybox-static", "ca-certificates", "createrepo-c", "dnf", "gnupg", "rpm", "zypper"}}

// worldPackages are those of most tests.
var worldPackages = []string{
	"apache2-bin", "apache2", "ca-certificates", "gunicorn", "haproxy", "libmojolicious-perl", "lighttpd", "lua5.4", "media-types",
	"memcached",
	"nginx-light", "nodejs", "perl", "php-cli", "php-intl", "php-mbstring", "php-sqlite3", "php-xml", "postgresql", "python3-django",
	"python3-flask",
	"python3-pil", "python3-requests", "python3-yaml", "redis-server", "ruby", "ruby-sinatra", "ruby-webrick", "sqlite3", "tcl", "tzdata",
}

// worldVersion changes when the world is made in another way.
const worldVersion = "3"

// app is one case: an application over the world, and what it must answer.
type app struct {
	name   string
	ref    string   // oci:DIR:NAME
	flags  []string // of the build
	runs   []string // arguments that original and slim image of a command must answer alike
	checks string   // path of a --probe file with late-loaded features, "" without
	maxMB  float64
	root   string // a part of the reason for which the user stays root; "" where it must not
}

// loadApp reads testdata/apps/NAME.txtar: config.json is the image's config, root/... its files, checks.yaml the probes that original
// and slim image must answer alike, world the root filesystem below, runs the same for a command (its arguments, one run a line),
// flags the arguments of the build, one a line; "max-mb N" bounds the size; root is a part of
// the reason for which the application stays root.
func loadApp(t testing.TB, name string) app {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "apps", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	a := app{name: name}
	var config v1.Config
	world := "base"
	files := map[string][]byte{}
	for _, f := range archive.Files {
		switch {
		case f.Name == "config.json":
			if err := json.Unmarshal(f.Data, &config); err != nil {
				t.Fatalf("%s: config.json: %v", name, err)
			}
		case f.Name == "checks.yaml":
			a.checks = filepath.Join(t.TempDir(), "checks.yaml")
			if err := os.WriteFile(a.checks, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		case f.Name == "runs":
			a.runs = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case f.Name == "world":
			world = strings.TrimSpace(string(f.Data))
		case f.Name == "flags":
			a.flags = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case f.Name == "root":
			a.root = strings.TrimSpace(string(f.Data))
		case f.Name == "max-mb":
			if _, err := fmt.Sscan(string(f.Data), &a.maxMB); err != nil {
				t.Fatalf("%s: max-mb: %v", name, err)
			}
		case strings.HasPrefix(f.Name, "root/"):
			files[strings.TrimPrefix(f.Name, "root/")] = f.Data
		default:
			t.Fatalf("%s: unknown section %q", name, f.Name)
		}
	}
	a.ref = addImageOver(t, world, name, config, filesLayer(t, files))
	return a
}

// addImage puts world + extra layers under NAME into the shared OCI layout and returns its slim reference.
func addImage(t testing.TB, name string, config v1.Config, extra ...v1.Layer) string {
	t.Helper()
	return addImageOver(t, "base", name, config, extra...)
}

func addImageOver(t testing.TB, world, name string, config v1.Config, extra ...v1.Layer) string {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, append([]v1.Layer{worldLayer(t, world)}, extra...)...)
	if err != nil {
		t.Fatal(err)
	}
	return addToLayout(t, name, img, config)
}

func addToLayout(t testing.TB, name string, img v1.Image, config v1.Config) string {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", config
	if len(config.Env) == 0 {
		file.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cacheDir(t), "images")
	if err := replaceInLayout(dir, name, img); err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir + ":" + name
}

// imagesMu guards the layout of input images against tests that add to it side by side.
var imagesMu sync.Mutex

// replaceInLayout puts an image into a layout under a name. The index is replaced in one step, because other tests read it meanwhile.
func replaceInLayout(dir, name string, img v1.Image) error {
	imagesMu.Lock()
	defer imagesMu.Unlock()
	l, err := layout.FromPath(dir)
	if err != nil {
		if l, err = layout.Write(dir, empty.Index); err != nil {
			return err
		}
	}
	if err := l.WriteImage(img); err != nil {
		return err
	}
	index, err := l.ImageIndex()
	if err != nil {
		return err
	}
	index = mutate.AppendManifests(mutate.RemoveManifests(index, match.Name(name)), mutate.IndexAddendum{Add: img,
		Descriptor: v1.Descriptor{Annotations: map[string]string{ocispecs.AnnotationRefName: name}}})
	raw, err := index.RawManifest()
	if err != nil {
		return err
	}
	part := filepath.Join(dir, "index.json.part")
	if err := os.WriteFile(part, raw, 0o644); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, "index.json"))
}

// worldLayer makes a Debian root filesystem, once for each list of packages.
func worldLayer(t testing.TB, world string) v1.Layer {
	t.Helper()
	layer, err := tarball.LayerFromFile(worldFile(t, world))
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func worldFile(t testing.TB, world string) string {
	t.Helper()
	packages := worlds[world]
	if packages == nil {
		t.Fatalf("there is no world %q", world)
	}
	sum := sha256.Sum256([]byte(worldVersion + strings.Join(packages, " ")))
	name := filepath.Join(cacheDir(t), "world-"+hex.EncodeToString(sum[:4])+".tar")
	if _, err := os.Stat(name); err != nil {
		debian(t, name, packages...)
	}
	return name
}

// debian makes a root filesystem of Debian packages with mmdebstrap.
func debian(t testing.TB, name string, packages ...string) {
	t.Helper()
	mmdebstrap(t, name, "--variant=minbase", "--include="+strings.Join(packages, ","),
		"--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/apt/* \"$1\"/var/lib/postgresql/*/main \"$1\"/var/lib/mysql/*")
}

// mmdebstrap makes a tar of Debian, whole or not at all. A mirror that does not answer at once is asked again.
func mmdebstrap(t testing.TB, name string, args ...string) {
	t.Helper()
	part := name + ".part.tar"
	args = append(append([]string{"--quiet", "--dpkgopt=path-exclude=/usr/share/man/*"}, args...), "bookworm", part)
	for try := 1; ; try++ {
		out, err := exec.Command("mmdebstrap", args...).CombinedOutput()
		if err == nil {
			break
		}
		os.Remove(part)
		if try == 3 {
			t.Fatalf("mmdebstrap: %v\n%s", err, tail(string(out), 30))
		}
		time.Sleep(5 * time.Second)
	}
	if err := os.Rename(part, name); err != nil {
		t.Fatal(err)
	}
}

// filesLayer makes a layer of files; those that start with "#!" and those named by programs are executable.
func filesLayer(t testing.TB, files map[string][]byte, programs ...string) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	names := make([]string, 0, len(files))
	dirs := map[string]bool{}
	for name := range files {
		names = append(names, name)
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		names = append(names, dir)
	}
	sort.Strings(names)
	for _, name := range names {
		header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}
		if dirs[name] {
			header.Typeflag, header.Name, header.Mode = tar.TypeDir, name+"/", 0o755
		} else if bytes.HasPrefix(files[name], []byte("#!")) || slices.Contains(programs, name) {
			header.Mode = 0o755
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}
