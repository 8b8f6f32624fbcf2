package layers

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// blobStore is an OCI layout directory that images are imported into; its blobs are shared by all of them.
type blobStore struct{ dir string }

func (s blobStore) prepare() error {
	if err := os.MkdirAll(filepath.Join(s.dir, "blobs", "sha256"), 0o700); err != nil {
		return err
	}
	for name, content := range map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": `{"schemaVersion":2,"manifests":[]}`} {
		file := filepath.Join(s.dir, name)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes the leftovers of imports that were killed more than a day ago.
func (s blobStore) sweep() {
	left, err := filepath.Glob(filepath.Join(s.dir, importDir+"*"))
	if err != nil {
		return
	}
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(name)
		}
	}
}

// write stores exactly size bytes under their own digest. It gives a blob its final name only when the blob is complete.
func (s blobStore) write(r io.Reader, size int64) (d v1.Descriptor, err error) {
	g, err := s.grow()
	if err != nil {
		return d, err
	}
	g.end(copyExactly(g, r, size))
	return s.name(g)
}

// copyExactly copies size bytes, and fails if there are fewer.
func copyExactly(w io.Writer, r io.Reader, size int64) error {
	n, err := io.CopyBuffer(w, onlyReader{io.LimitReader(r, size)}, make([]byte, 256<<10))
	if err == nil && n != size {
		err = fmt.Errorf("it ends after %d of %d bytes", n, size)
	}
	return err
}

// onlyReader hides what else a reader can do from io.Copy.
type onlyReader struct{ io.Reader }

// growing is a file without a final name. One writes it, and another one reads it meanwhile, to hash it.
type growing struct {
	file *os.File

	mu    sync.Mutex
	more  *sync.Cond
	size  int64
	ended bool
	err   error // of the writer
	read  int64
}

// grow makes the file, with mode 0600 as os.CreateTemp has it.
func (s blobStore) grow() (*growing, error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, "blobs"), "part-")
	if err != nil {
		return nil, err
	}
	g := &growing{file: f}
	g.more = sync.NewCond(&g.mu)
	return g, nil
}

// Write implements io.Writer.
func (g *growing) Write(p []byte) (int, error) {
	n, err := g.file.Write(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size += int64(n)
	g.more.Signal()
	return n, err
}

// end says that nothing more is written, because of err if it is not nil.
func (g *growing) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended, g.err = true, err
	g.more.Signal()
}

// Read implements io.Reader: it waits for what is not written yet, and returns the error of the writer at the end.
func (g *growing) Read(p []byte) (int, error) {
	g.mu.Lock()
	for g.read == g.size && !g.ended {
		g.more.Wait()
	}
	there, err := g.size-g.read, g.err
	g.mu.Unlock()
	if there == 0 {
		return 0, cmp.Or(err, io.EOF)
	}
	n, err := g.file.ReadAt(p[:min(there, int64(len(p)))], g.read)
	g.read += int64(n)
	return n, err
}

// name gives a file the name of its digest when it is complete, and removes it after an error.
func (s blobStore) name(g *growing) (d v1.Descriptor, err error) {
	defer os.Remove(g.file.Name())
	sum, head := sha256.New(), &prefix{}
	size, err := io.CopyBuffer(io.MultiWriter(sum, head), onlyReader{g}, make([]byte, 1<<20))
	if err == nil {
		markHashed(g.file)
	}
	if err = errors.Join(err, g.file.Close()); err != nil {
		return d, err
	}
	d = v1.Descriptor{MediaType: layerType(head.data), Size: size, Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}}
	return d, os.Rename(g.file.Name(), blobPath(s.dir, d.Digest))
}

// prefix keeps the first bytes of a stream.
type prefix struct{ data []byte }

func (p *prefix) Write(b []byte) (int, error) {
	if room := 4 - len(p.data); room > 0 {
		p.data = append(p.data, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// layerType tells a layer's compression from its first bytes (gzip RFC 1952, zstd RFC 8878).
func layerType(head []byte) types.MediaType {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return types.OCILayer
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return types.OCILayerZStd
	}
	return types.OCIUncompressedLayer
}

// open opens an image of the store by the digest of its manifest. It checks that every blob exists with the size given in the manifest,
// so a truncated layer is found here and not in the middle of a build.
func (s blobStore) open(digest v1.Hash) (*Input, error) {
	img, err := partial.CompressedToImage(storedImage{s, digest})
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading its manifest: %w", err)
	}
	if manifest.Config.Digest.Hex == "" || len(manifest.Layers) > maxLayers {
		return nil, fmt.Errorf("manifest %s is of no image, or of one with more than %d layers", digest, maxLayers)
	}
	for i, d := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		what := fmt.Sprintf("layer %d", i)
		if i == 0 {
			what = "config"
		}
		if err := s.present(d); err != nil {
			return nil, fmt.Errorf("its %s: %w", what, err)
		}
	}
	return &Input{Layout: s.dir, Digest: digest, Image: img, RepoDigest: digest.String()}, nil
}

// present reports whether a blob exists with the expected size.
func (s blobStore) present(d v1.Descriptor) error {
	info, err := os.Stat(blobPath(s.dir, d.Digest))
	if err != nil {
		return fmt.Errorf("blob %s is missing: %w", d.Digest, ErrNotFound)
	}
	if !info.Mode().IsRegular() || info.Size() != d.Size {
		return fmt.Errorf("blob %s has %d bytes, its manifest says %d", d.Digest, info.Size(), d.Size)
	}
	return nil
}

// adopt moves blobs of another store on the same file system into this one.
func (s blobStore) adopt(from blobStore, blobs ...v1.Descriptor) error {
	for _, d := range blobs {
		name := blobPath(s.dir, d.Digest)
		if s.present(d) == nil {
			continue // also when the image lists a layer twice
		}
		if err := os.Rename(blobPath(from.dir, d.Digest), name); err != nil {
			return err
		}
	}
	return nil
}

// recorded returns the manifest digest under which an image of the Docker engine was imported before.
func (s blobStore) recorded(id string) (v1.Hash, bool) { return readRecord(s.recordName(id)) }

func readRecord(name string) (v1.Hash, bool) {
	data, err := os.ReadFile(name)
	if err != nil {
		return v1.Hash{}, false
	}
	h, err := v1.NewHash(strings.TrimSpace(string(data)))
	return h, err == nil
}

func (s blobStore) record(id string, digest v1.Hash) error {
	name := s.recordName(id)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.WriteFile(part, []byte(digest.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(part, name)
}

func (s blobStore) recordName(id string) string {
	return filepath.Join(s.dir, "docker", strings.NewReplacer(":", "-", "/", "-").Replace(id))
}

// storedImage is the core (partial.CompressedImageCore) of an image in a store whose index does not list it.
type storedImage struct {
	store  blobStore
	digest v1.Hash
}

// RawManifest returns the manifest's bytes.
func (i storedImage) RawManifest() ([]byte, error) { return i.store.small(i.digest) }

// MediaType returns the manifest's own.
func (i storedImage) MediaType() (types.MediaType, error) {
	manifest, err := partial.Manifest(i)
	if err != nil {
		return "", err
	}
	if manifest.MediaType == "" {
		return types.OCIManifestSchema1, nil
	}
	return manifest.MediaType, nil
}

// RawConfigFile returns the config's bytes.
func (i storedImage) RawConfigFile() ([]byte, error) {
	manifest, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	return i.store.small(manifest.Config.Digest)
}

// LayerByDigest returns a layer of the manifest.
func (i storedImage) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	manifest, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	for _, d := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		if d.Digest == digest {
			return storedLayer{i.store, d}, nil
		}
	}
	return nil, fmt.Errorf("layer %s: %w", digest, ErrNotFound)
}

// storedLayer is one layer of a stored image.
type storedLayer struct {
	store blobStore
	desc  v1.Descriptor
}

func (l storedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l storedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l storedLayer) Compressed() (io.ReadCloser, error) {
	return os.Open(blobPath(l.store.dir, l.desc.Digest))
}

func blobPath(dir string, h v1.Hash) string { return filepath.Join(dir, "blobs", h.Algorithm, h.Hex) }

// small reads a manifest, index or config, verified.
func (s blobStore) small(digest v1.Hash) ([]byte, error) {
	data, err := readSmall(blobPath(s.dir, digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s is missing: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(data)); err != nil || got != digest {
		return nil, fmt.Errorf("%w: blob %s holds %s", ErrDigest, digest, got)
	}
	return data, nil
}

// readSmall reads a regular file of at most maxManifest bytes.
func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", filepath.Base(name))
	}
	if info.Size() > maxManifest {
		return nil, fmt.Errorf("%s has %d bytes, more than a manifest or config may have (%d)", filepath.Base(name), info.Size(), maxManifest)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxManifest))
}
