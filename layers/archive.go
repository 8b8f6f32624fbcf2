package layers

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slimimage/slim/layers/infile"
)

// Bounds of an archive.
const (
	maxArchiveEntries = 50_000
	maxArchiveBytes   = 1 << 40 // unpacked
)

// importDir begins the names of directories in the cache that hold an import in the making.
const importDir = "import-"

func openArchive(ctx context.Context, kind, rest string, opt OpenOptions) (*Input, error) {
	file, tag := splitTag(rest)
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return nil, fmt.Errorf("it is a directory: did you mean oci:%s?", file)
	}
	f, err := infile.OpenRegular(file)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%s: %w", file, ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := importArchive(ctx, f, kind, tag, opt)
	if err != nil {
		return nil, err
	}
	if in.Repo == "" {
		in.Repo = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".gz"), ".tar"), ".oci"))
	}
	return in, nil
}

func openStream(ctx context.Context, opt OpenOptions) (*Input, error) {
	if opt.Stdin == nil {
		return nil, errors.New("there is no standard input")
	}
	in, out := io.Pipe()
	defer in.Close()
	// A read of standard input cannot be interrupted; the pipe can. The copy ends with the input or with the process.
	defer context.AfterFunc(ctx, func() { out.CloseWithError(ctx.Err()) })()
	go func() {
		_, err := io.Copy(out, opt.Stdin)
		out.CloseWithError(err)
	}()
	return importArchive(ctx, in, KindStdin, "", opt)
}

// archive is what one pass over an archive has found.
type archive struct {
	store blobStore
	texts map[string][]byte        // manifest.json and index.json
	blobs map[string]v1.Descriptor // other files by name
	links map[string]string        // links by name: old engines write a repeated layer as one
	bytes int64

	hashing errgroup.Group // of files, while they and the next ones are read
	mu      sync.Mutex     // of blobs
}

// importArchive reads a docker-archive or OCI archive, plain or gzipped, in one pass: it writes every file directly into a blob named
// by its digest.
func importArchive(ctx context.Context, r io.Reader, kind, tag string, opt OpenOptions) (*Input, error) {
	return importFrom(opt, kind, func(a *archive) (*Input, error) {
		if err := a.read(ctx, r); err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		return a.image(kind, tag, opt)
	})
}

// importFrom moves the blobs of the image that find makes into opt.Cache and removes all others. After an error it removes all blobs.
func importFrom(opt OpenOptions, kind string, find func(*archive) (*Input, error)) (*Input, error) {
	if opt.Cache == "" {
		return nil, ErrNoCache
	}
	opt.importing()
	store := blobStore{opt.Cache}
	if err := store.prepare(); err != nil {
		return nil, err
	}
	store.sweep()
	dir, err := os.MkdirTemp(opt.Cache, importDir)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	a := &archive{store: blobStore{dir}, texts: map[string][]byte{}, blobs: map[string]v1.Descriptor{}, links: map[string]string{}}
	if err := a.store.prepare(); err != nil {
		return nil, err
	}
	found, err := find(a)
	if err != nil {
		return nil, err
	}
	manifest, err := found.Image.Manifest()
	if err != nil {
		return nil, err
	}
	size, err := found.Image.Size()
	if err != nil {
		return nil, err
	}
	if err := store.adopt(a.store, append(manifest.Layers, manifest.Config, v1.Descriptor{Digest: found.Digest, Size: size})...); err != nil {
		return nil, err
	}
	in, err := store.use(found.Digest)
	if err != nil {
		return nil, err
	}
	in.Kind, in.Repo, in.Tag, in.RepoDigest = kind, found.Repo, found.Tag, found.RepoDigest
	return in, nil
}

// image opens the requested image, which is still in the store of the import. New engines write both kinds of index; the one of the OCI
// layout keeps the image's own manifest.
func (a *archive) image(kind, tag string, opt OpenOptions) (*Input, error) {
	index, oci := a.texts["index.json"]
	manifest, docker := a.texts["manifest.json"]
	switch {
	case docker && (kind == KindDockerArchive || !oci) && kind != KindOCIArchive:
		return a.dockerImage(manifest, tag)
	case oci && kind != KindDockerArchive:
		return openIndex(a.store, index, tag, opt)
	case oci:
		return nil, errors.New("it has no manifest.json: it is an OCI archive, pass it as oci-archive:FILE")
	case docker:
		return nil, errors.New("it has no index.json: it is an archive of docker save, pass it as docker-archive:FILE")
	}
	return nil, errors.New("it is no image: it has neither manifest.json (docker save) nor index.json (OCI layout)")
}

// read stores every file of the archive.
func (a *archive) read(ctx context.Context, r io.Reader) error {
	a.hashing.SetLimit(parallel())
	err := a.entries(ctx, r)
	return cmp.Or(err, a.hashing.Wait())
}

// parallel is how many blobs are hashed at a time.
func parallel() int { return runtime.GOMAXPROCS(0) }

func (a *archive) entries(ctx context.Context, r io.Reader) error {
	in, err := unzipped(withContext{ctx, r})
	if err != nil {
		return err
	}
	t := tar.NewReader(in)
	for n := 0; ; n++ {
		header, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= maxArchiveEntries {
			return fmt.Errorf("it has more than %d entries", maxArchiveEntries)
		}
		if err := a.entry(header, t); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}

func (a *archive) entry(header *tar.Header, r io.Reader) error {
	if len(header.Name) > defaultLimits.name || len(header.Linkname) > defaultLimits.name {
		return fmt.Errorf("its name has more than %d bytes", defaultLimits.name)
	}
	name, err := insideName(header.Name)
	if err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeSymlink, tar.TypeLink:
		target := header.Linkname
		if header.Typeflag == tar.TypeSymlink {
			target = path.Dir(name) + "/" + target
		}
		if a.links[name], err = insideName(target); err != nil {
			return fmt.Errorf("link to %q: %w", header.Linkname, err)
		}
	case tar.TypeReg:
		if sparse(header) {
			return errSparse
		}
		if a.bytes += header.Size; header.Size > maxArchiveBytes || a.bytes > maxArchiveBytes {
			return errTooLarge
		}
		return a.file(name, header.Size, r)
	case tar.TypeGNUSparse:
		return errSparse
	}
	return nil
}

func (a *archive) file(name string, size int64, r io.Reader) error {
	if name == "manifest.json" || name == "index.json" {
		if size > maxManifest {
			return fmt.Errorf("it has %d bytes, more than %d", size, maxManifest)
		}
		data, err := io.ReadAll(io.LimitReader(r, size))
		a.texts[name] = data
		return err
	}
	if base := path.Base(name); base == "json" || base == "VERSION" || name == "repositories" || name == "oci-layout" {
		return nil // files of old formats; manifest.json has the same information
	}
	return a.take(name, func(w io.Writer) error { return copyExactly(w, r, size) }, func(d v1.Descriptor, err error) error {
		if want, ok := strings.CutPrefix(name, "blobs/sha256/"); err == nil && ok && want != d.Digest.Hex {
			err = fmt.Errorf("%w: it holds %s", ErrDigest, d.Digest)
		}
		if err != nil {
			err = fmt.Errorf("%q: %w", name, err)
		}
		return err
	})
}

// take stores what fill writes as the blob of a name. It is hashed in the background while it is written, and after take has returned;
// then verify gets its descriptor, or why there is none, and returns the error of the import.
func (a *archive) take(name string, fill func(io.Writer) error, verify func(v1.Descriptor, error) error) error {
	g, err := a.store.grow()
	if err != nil {
		return err
	}
	a.hashing.Go(func() error {
		d, err := a.store.name(g)
		if err := verify(d, err); err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.blobs[name] = d
		return nil
	})
	err = fill(g)
	g.end(err)
	return err
}

// errSparse rejects sparse files: they may claim any size in a few bytes, and no tool writes them into an archive of an image.
var errSparse = errors.New("a sparse file has no place in an archive of an image")

func sparse(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}
