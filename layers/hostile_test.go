package layers

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// refused opens what has to be refused: one line that says want, and nothing left in the cache.
func refused(t *testing.T, what, want string, is error, ref string, stdin io.Reader) {
	t.Helper()
	cache := t.TempDir()
	in, err := Open(t.Context(), ref, OpenOptions{Cache: cache, Platform: &amd64, Stdin: stdin})
	if err == nil || in != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || is != nil && !errors.Is(err,
		is) {
		t.Errorf("%s: Open = %v, %v, want an error with %q", what, in, err, want)
	}
	for _, pattern := range []string{"import-*", "blobs/*/*", "blobs/part-*", "docker/*"} {
		if left, _ := filepath.Glob(filepath.Join(cache, pattern)); len(left) != 0 {
			t.Errorf("%s: left %v", what, left)
		}
	}
}

// raw makes a tar of names and contents.
func raw(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteHeader(&h{Name: pairs[i], Mode: 0o644, Size: int64(len(pairs[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestHostileArchives(t *testing.T) {
	img := small(t)
	docker := readFile(t, dockerArchive(t, map[name.Tag]v1.Image{tag(t, "shop/app:3"): img}))
	oci := readFile(t, tarDir(t, ociDir(t, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}))))
	config, err := img.RawConfigFile()
	must(t, err)
	layer := pack(t, h{Name: "other"})
	for _, test := range []struct {
		name, want string
		is         error
		data       []byte
	}{
		{"truncated docker archive", "unexpected EOF", nil, docker[:len(docker)/2]},
		{"truncated OCI archive", "unexpected EOF", nil, oci[:len(oci)/2]},
		{"truncated gzip", "unexpected EOF", nil, zip(t, docker)[:500]},
		{"climbing name", "climbs out", nil, raw(t, "../../etc/x", "x")},
		{"climbing link", "climbs out", nil, pack(t, h{Name: "a/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../../layer.tar"})},
		{"wrong digest of a blob", "wrong digest", ErrDigest, raw(t, "blobs/sha256/"+strings.Repeat("ab", 32), "x")},
		{"wrong digest of a layer", "wrong digest", ErrDigest, raw(t, "c.json", string(config), "a.tar", string(layer), "b.tar", string(layer),
			"manifest.json", `[{"Config":"c.json","Layers":["a.tar","b.tar"]}]`)},
		{"another number of layers", "its config names 2", nil, raw(t, "c.json", string(config), "manifest.json", `[{"Config":"c.json"}]`)},
		{"missing layer", `layer "a.tar" is missing`, nil, raw(t, "c.json", string(config), "manifest.json",
			`[{"Config":"c.json","Layers":["a.tar"]}]`)},
		{"links in a circle", `layer "a" is missing`, nil,
			append(pack(t, h{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "b"}, h{Name: "b", Typeflag: tar.TypeSymlink, Linkname: "a"})[:1024],
				raw(t, "c.json", string(config), "manifest.json", `[{"Config":"c.json","Layers":["a"]}]`)...)},
		{"missing config", "is missing", nil, raw(t, "manifest.json", `[{"Config":"../../etc/passwd"}]`)},
		{"large config", "its config has 5242880 bytes", nil, raw(t, "c.json", strings.Repeat(" ", 5<<20), "manifest.json",
			`[{"Config":"c.json"}]`)},
		{"large index", "more than 4194304", nil, raw(t, "index.json", strings.Repeat(" ", 5<<20))},
		{"no JSON", "reading manifest.json", nil, raw(t, "manifest.json", `{`)},
		{"no image", "no image in it", ErrNotFound, raw(t, "manifest.json", `[]`)},
		{"empty index", "no image in it", ErrNotFound, raw(t, "index.json", `{"manifests":[]}`)},
		{"index without a list", "neither an image index nor an image", nil, raw(t, "index.json", `{}`)},
		{"index of itself", "missing", ErrNotFound, raw(t, "index.json",
			`{"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:`+strings.Repeat("0", 64)+`"}]}`)},
		{"digest that is a path", "reading index.json", nil, raw(t, "index.json", `{"manifests":[{"digest":"sha256:../../../../etc/passwd"}]}`)},
		{"nothing", "no image", nil, nil},
	} {
		refused(t, test.name, test.want, test.is, "-", bytes.NewReader(test.data))
	}
	bomb := io.MultiReader(bytes.NewReader(docker[:512]), io.LimitReader(zeros{}, 4<<30))
	refused(t, "archive that ends in zeros", "no image", nil, "-", bomb)
}

// Engines before 25 write a layer that comes twice as a link; engines since write both kinds of index.
func TestArchivesOfEngines(t *testing.T) {
	layer := pack(t, h{Name: "a", Size: 9})
	img := image(t, layer, layer)
	config, err := img.RawConfigFile()
	must(t, err)
	old := raw(t, "c.json", string(config), "one/VERSION", "1.0", "one/json", "{}", "one/layer.tar", string(layer), "repositories", "{}")
	old = append(old[:len(old)-1024], pack(t, h{Name: "two/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../one/layer.tar"})...)
	old = append(old[:len(old)-1024], raw(t, "manifest.json",
		`[{"Config":"c.json","RepoTags":["x/y:z"],"Layers":["one/layer.tar","two/layer.tar"]}]`)...)
	dir := ociDir(t, mutate.AppendManifests(empty.Index, named1(img, "docker.io/x/y:z")))
	manifest, err := img.Manifest()
	must(t, err)
	blob := func(d v1.Descriptor) string { return "blobs/sha256/" + d.Digest.Hex }
	must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`[{"Config":"`+blob(manifest.Config)+`","RepoTags":["x/y:z"],"Layers":["`+
		blob(manifest.Layers[0])+`","`+blob(manifest.Layers[1])+`"]}]`), 0o644))
	both := readFile(t, tarDir(t, dir))
	file := filepath.Join(t.TempDir(), "both.tar")
	must(t, os.WriteFile(file, both, 0o644))
	for _, test := range []struct {
		ref, repo string
		data      []byte
	}{{"-", "x/y", old}, {"-", "docker.io/x/y", both}, {"docker-archive:" + file, "x/y", nil}, {"oci-archive:" + file, "docker.io/x/y", nil}} {
		cache := t.TempDir()
		in, err := Open(t.Context(), test.ref, OpenOptions{Cache: cache, Platform: &amd64, Stdin: bytes.NewReader(test.data)})
		if err != nil {
			t.Errorf("Open(%s): %v", test.ref, err)
			continue
		}
		if in.Repo != test.repo || in.Tag != "z" {
			t.Errorf("Open(%s) = %+v", test.ref, in)
		}
		if blobs, _ := filepath.Glob(filepath.Join(cache, "blobs", "sha256", "*")); len(blobs) != 3 {
			t.Errorf("Open(%s) stored %v, want manifest, config and one layer", test.ref, blobs)
		}
		if _, err := NewIndex(in.Image); err != nil {
			t.Error(err)
		}
	}
}

// A sparse file in an archive may claim any size.
func TestSparseArchive(t *testing.T) {
	header := make([]byte, 512)
	copy(header, "blob")
	copy(header[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00        S")
	copy(header[257:], "ustar  \x00")
	copy(header[386:], "00000000000\x0000000000000\x00") // one piece of no bytes
	copy(header[483:], "77777777777\x00")                // real size: 8 GiB
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:], []byte{'0', '0' + byte(sum>>12&7), '0' + byte(sum>>9&7), '0' + byte(sum>>6&7), '0' + byte(sum>>3&7), '0' + byte(sum&7),
		0, ' '})
	refused(t, "sparse", "sparse", errSparse, "-", bytes.NewReader(append(header, make([]byte, 1024)...)))
}

func TestGzipBomb(t *testing.T) {
	in := &inflated{zeros{}, &counter{n: 1000}, 0}
	n, err := io.Copy(io.Discard, in)
	if !errors.Is(err, errTooLarge) || n > 1<<30+1<<20 {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestHostileLayouts(t *testing.T) {
	img := small(t)
	layout := func() string { return ociDir(t, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})) }
	manifest, err := img.Manifest()
	must(t, err)
	blob := func(dir string, d v1.Hash) string { return filepath.Join(dir, "blobs", "sha256", d.Hex) }

	dir := layout()
	must(t, os.Truncate(blob(dir, manifest.Layers[0].Digest), 100))
	refused(t, "truncated layer", "has 100 bytes, its manifest says", nil, "oci:"+dir, nil)
	dir = layout()
	must(t, os.Remove(blob(dir, manifest.Layers[1].Digest)))
	refused(t, "missing layer", "its layer 2: blob", ErrNotFound, "oci:"+dir, nil)
	dir = layout()
	data := readFile(t, blob(dir, manifest.Config.Digest))
	data[0] = ' '
	must(t, os.WriteFile(blob(dir, manifest.Config.Digest), data, 0o644))
	refused(t, "changed config", "wrong digest", ErrDigest, "oci:"+dir, nil)
	dir = layout()
	must(t, os.Truncate(blob(dir, manifest.Config.Digest), 100<<20))
	refused(t, "config of 100 MB", "104857600 bytes", nil, "oci:"+dir, nil)
	dir = layout()
	must(t, os.Truncate(filepath.Join(dir, "index.json"), 100<<20))
	refused(t, "index of 100 MB", "104857600 bytes", nil, "oci:"+dir, nil)
	dir = layout()
	must(t, os.Remove(filepath.Join(dir, "index.json")))
	must(t, os.Mkdir(filepath.Join(dir, "index.json"), 0o755))
	refused(t, "index that is a directory", "is not a file", nil, "oci:"+dir, nil)
}

// A registry's manifest and config are bounded by what is declared and by what comes.
func TestHostileRegistry(t *testing.T) {
	img := small(t)
	manifest, err := img.Manifest()
	must(t, err)
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet || strings.Contains(r.URL.Path, "/good/"):
			store.ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/bigconfig/manifests/latest"):
			large := manifest.DeepCopy()
			large.Config.Size = 100 << 20
			w.Header().Set("Content-Type", string(manifest.MediaType))
			if err := json.NewEncoder(w).Encode(large); err != nil {
				t.Error(err)
			}
		case strings.HasSuffix(r.URL.Path, "/manifests/latest"):
			w.Header().Set("Content-Type", string(manifest.MediaType))
			n, _ := io.Copy(w, io.LimitReader(zeros{}, 64<<20)) // the reader hangs up
			served.Add(n)
		default:
			store.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	must(t, remote.Write(tag(t, host+"/good/app"), img))
	refused(t, "config of 100 MB", "its config has 104857600 bytes", nil, host+"/bigconfig", nil)
	refused(t, "manifest of 64 MB", "more than 4194304 bytes", nil, host+"/bigmanifest", nil)
	if n := served.Load(); n > 32<<20 {
		t.Errorf("%d bytes of the manifest were read", n)
	}
}

func FuzzArchive(f *testing.F) {
	img := small(f)
	config, err := img.RawConfigFile()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`[{"Config":"c.json","Layers":["a.tar","b.tar"]}]`), []byte(nil), config)
	f.Add([]byte(nil), []byte(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:`+strings.Repeat("0",
		64)+`"}]}`), config)
	f.Fuzz(func(t *testing.T, manifest, index, config []byte) {
		a := &archive{store: blobStore{t.TempDir()}, texts: map[string][]byte{}, blobs: map[string]v1.Descriptor{},
			links: map[string]string{"b.tar": "a.tar"}}
		must(t, a.store.prepare())
		for _, name := range []string{"c.json", "a.tar"} {
			d, err := a.store.write(bytes.NewReader(config), int64(len(config)))
			must(t, err)
			a.blobs[name] = d
		}
		for name, data := range map[string][]byte{"manifest.json": manifest, "index.json": index} {
			if len(data) > 0 {
				a.texts[name] = data
			}
		}
		if in, err := a.image(KindStdin, "", OpenOptions{Platform: &amd64}); err == nil {
			_ = in.check(OpenOptions{Platform: &amd64}) // only that it returns
		}
	})
}
