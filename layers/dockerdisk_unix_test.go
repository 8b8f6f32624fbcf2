//go:build unix

package layers

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	mobyclient "github.com/moby/moby/client"
	godigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
)

// TestDiskImage: an image in the engine's directories is read from there. Where they are not what its digests say, or not to be read, the
// engine is asked to save it. Both ways give the same image.
func TestDiskImage(t *testing.T) {
	img := image(t, pack(t, h{Name: "app", Mode: 0o755, Size: 5000}, h{Name: "dir/", Typeflag: tar.TypeDir}, h{Name: "dir/empty"}),
		pack(t, h{Name: "etc/conf", Size: 3}, h{Name: "etc/link", Typeflag: tar.TypeSymlink, Linkname: "conf"}))
	for _, test := range []struct {
		name   string
		driver string
		change func(t *testing.T, root string)
		saves  int32
	}{
		{name: "as the engine wrote it"},
		{name: "another driver", driver: "zfs", saves: 1},
		{name: "no directory", saves: 1, change: func(t *testing.T, root string) { must(t, os.RemoveAll(root)) }},
		{name: "another content", saves: 1, change: func(t *testing.T, root string) { replace(t, root, "app", bytes.Repeat([]byte("x"), 5000)) }},
		{name: "another size", saves: 1, change: func(t *testing.T, root string) { replace(t, root, "etc/conf", []byte("more")) }},
		{name: "a link out of the layer", saves: 1, change: func(t *testing.T, root string) {
			outside := filepath.Join(t.TempDir(), "outside")
			must(t, os.WriteFile(outside, []byte("etc"), 0o600))
			must(t, os.Symlink(outside, removed(t, root, "etc/conf")))
		}},
		{name: "a pipe", saves: 1, change: func(t *testing.T, root string) { must(t, syscall.Mkfifo(removed(t, root, "etc/conf"), 0o600)) }},
		{name: "another config", saves: 1, change: func(t *testing.T, root string) {
			at := found(t, root, "image/overlay2/imagedb/content/sha256/*")
			must(t, os.WriteFile(at, append(readFile(t, at), '\n'), 0o600))
		}},
		{name: "a directory of the driver elsewhere", saves: 1, change: func(t *testing.T, root string) {
			must(t, os.WriteFile(found(t, root, "image/overlay2/layerdb/sha256/*/cache-id"), []byte("../../elsewhere"), 0o600))
		}},
		{name: "bytes without end", saves: 1, change: func(t *testing.T, root string) {
			must(t, os.WriteFile(found(t, root, "image/overlay2/layerdb/sha256/*/tar-split.json.gz"), zipped(t, zeroText(maxSplitLine+1)), 0o600))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := engineDir(t, img)
			if test.change != nil {
				test.change(t, root)
			}
			if test.driver == "" {
				test.driver = overlayDriver
			}
			var saves atomic.Int32
			cache := t.TempDir()
			in, err := Open(context.Background(), "docker:app", OpenOptions{Docker: classicEngine(t, img, root, test.driver, &saves), Cache: cache})
			must(t, err)
			if in.Digest != archived(t, img).Digest || saves.Load() != test.saves {
				t.Errorf("Open = %s with %d saves, want %s with %d", in.Digest, saves.Load(), archived(t, img).Digest, test.saves)
			}
			if left, err := filepath.Glob(filepath.Join(cache, importDir+"*")); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

// archived is the image by way of docker save.
func archived(t *testing.T, img v1.Image) *Input {
	t.Helper()
	file := dockerArchive(t, map[name.Tag]v1.Image{tag(t, "app"): img})
	in, err := Open(context.Background(), "docker-archive:"+file, OpenOptions{Cache: t.TempDir(), Platform: &amd64})
	must(t, err)
	return in
}

// classicEngine is a Docker engine with one image, app. It counts how often it saves it.
func classicEngine(t *testing.T, img v1.Image, root, driver string, saves *atomic.Int32) *mobyclient.Client {
	t.Helper()
	id, err := img.ConfigName()
	must(t, err)
	file := dockerArchive(t, map[name.Tag]v1.Image{tag(t, "app"): img})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch _, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v"), "/"); {
		case strings.HasSuffix(path, "/get"):
			saves.Add(1)
			w.Write(readFile(t, file))
			return
		case path == "info":
			answer = map[string]any{"Driver": driver, "DockerRootDir": root}
		default:
			answer = map[string]any{"Id": id.String(), "RepoTags": []string{"app:latest"}, "Os": "linux", "Architecture": "amd64"}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	client, err := mobyclient.New(mobyclient.WithHost("tcp://" + strings.TrimPrefix(server.URL, "http://")))
	must(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// engineDir is the root directory of an engine with the image: moby's image/overlay2 and overlay2.
func engineDir(t *testing.T, img v1.Image) string {
	t.Helper()
	root := t.TempDir()
	id, err := img.ConfigName()
	must(t, err)
	raw, err := img.RawConfigFile()
	must(t, err)
	put(t, filepath.Join(root, "image/overlay2/imagedb/content/sha256", id.Hex), raw)
	config, err := img.ConfigFile()
	must(t, err)
	var diffIDs []godigest.Digest
	for _, diff := range config.RootFS.DiffIDs {
		diffIDs = append(diffIDs, godigest.Digest(diff.String()))
	}
	layers, err := img.Layers()
	must(t, err)
	for i, chain := range identity.ChainIDs(diffIDs) {
		record := filepath.Join(root, "image/overlay2/layerdb/sha256", chain.Encoded())
		put(t, filepath.Join(record, "cache-id"), []byte(chain.Encoded()[:8]))
		archive, err := layers[i].Uncompressed()
		must(t, err)
		put(t, filepath.Join(record, "tar-split.json.gz"), split(t, archive, filepath.Join(root, "overlay2", chain.Encoded()[:8], "diff")))
	}
	return root
}

// split writes the files of an archive below dir, and returns the rest as the engine keeps it.
func split(t *testing.T, archive io.Reader, dir string) []byte {
	t.Helper()
	data, err := io.ReadAll(archive)
	must(t, err)
	must(t, os.MkdirAll(dir, 0o755))
	var entries bytes.Buffer
	in, at := bytes.NewReader(data), 0
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		end := len(data) - in.Len()
		if err == io.EOF {
			end = len(data)
		}
		must(t, json.NewEncoder(&entries).Encode(splitEntry{Type: 2, Payload: data[at:end]}))
		if at = end; err == io.EOF {
			return zipped(t, &entries)
		}
		must(t, err)
		if header.Typeflag == tar.TypeReg {
			content, err := io.ReadAll(r)
			must(t, err)
			put(t, filepath.Join(dir, header.Name), content)
			must(t, json.NewEncoder(&entries).Encode(splitEntry{Type: 1, Name: header.Name, Size: header.Size, Payload: []byte("checksum")}))
			at += len(content)
		}
	}
}

func zipped(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := io.Copy(w, r)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

// zeroText is a text of one line.
func zeroText(size int64) io.Reader { return io.LimitReader(zeros{}, size) }

func put(t *testing.T, file string, data []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, data, 0o600))
}

// found is a file below root, of those that the pattern matches the first.
func found(t *testing.T, root, pattern string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	return all[0]
}

// removed is where a file of a layer was.
func removed(t *testing.T, root, file string) string {
	t.Helper()
	at := found(t, root, "overlay2/*/diff/"+file)
	must(t, os.Remove(at))
	return at
}

func replace(t *testing.T, root, file string, content []byte) {
	t.Helper()
	must(t, os.WriteFile(removed(t, root, file), content, 0o600))
}

// FuzzAssemble: whatever is beside a layer, nothing outside of its directory is read, and no more is written than the entries say.
func FuzzAssemble(f *testing.F) {
	f.Add([]byte(`{"type":2,"payload":"aGVsbG8="}` + "\n" + `{"type":1,"name":"file","size":5,"payload":"AAAAAAAAAAA="}`))
	f.Add([]byte(`{"type":1,"name":"../secret","size":28}`))
	f.Add([]byte(`{"type":1,"name_raw":"L2xpbms=","size":28}`))
	f.Add([]byte(`{"type":1,"name":"file","size":-1}`))
	dir, secret := f.TempDir(), []byte("what is in another directory")
	for _, err := range []error{os.WriteFile(filepath.Join(dir, "secret"), secret, 0o600), os.Mkdir(filepath.Join(dir, "layer"), 0o700),
		os.WriteFile(filepath.Join(dir, "layer", "file"), []byte("hello"), 0o600), os.Symlink("../secret", filepath.Join(dir, "layer", "link"))} {
		if err != nil {
			f.Fatal(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(dir, "layer"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { root.Close() })
	f.Fuzz(func(t *testing.T, entries []byte) {
		var out bytes.Buffer
		_ = assemble(&out, bytes.NewReader(entries), root)
		if bytes.Contains(out.Bytes(), secret) {
			t.Errorf("assemble(%q) reads a file outside", entries)
		}
	})
}
