package layers

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	mobyclient "github.com/moby/moby/client"
)

// Bounds of an archive.
const (
	maxArchiveEntries = 100_000
	maxSmallFile      = maxManifest // JSON files of an archive
)

func openArchive(ctx context.Context, kind, rest string, opt OpenOptions) (*Input, error) {
	file, tag := splitTag(rest)
	f, err := os.Open(file)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s: %w", file, ErrNotFound)
		}
		return nil, err
	}
	defer f.Close()
	in, err := importArchive(ctx, f, tag, opt)
	if err != nil {
		return nil, err
	}
	in.Kind = kind
	if in.Repo == "" {
		base := filepath.Base(file)
		in.Repo = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, ".gz"), ".tar"), ".oci"))
	}
	return in, nil
}

func openStream(ctx context.Context, r io.Reader, opt OpenOptions) (*Input, error) {
	if r == nil {
		return nil, errors.New("there is no standard input")
	}
	return importArchive(ctx, r, "", opt)
}

// openDocker imports an image of the Docker engine. One that was imported before is not saved again.
func openDocker(ctx context.Context, ref string, opt OpenOptions) (*Input, error) {
	info, err := opt.Docker.ImageInspect(ctx, ref)
	if err != nil {
		if isNotFound(err) {
			return nil, fmt.Errorf("the Docker engine has no such image: %w", ErrNotFound)
		}
		return nil, fmt.Errorf("asking the Docker engine: %w", err)
	}
	store := blobStore{opt.Cache}
	name := func(in *Input) *Input {
		in.Kind, in.Repo, in.Tag = KindDocker, shortName(ref), strings.TrimPrefix(strings.TrimPrefix(ref, shortName(ref)), ":")
		if i := strings.IndexByte(in.Tag, '@'); i >= 0 {
			in.Tag = in.Tag[:i]
		}
		if in.Tag == "" {
			in.Tag = "latest"
		}
		return in
	}
	if digest, ok := store.recorded(info.ID); ok {
		if in, err := store.open(digest, opt); err == nil {
			return name(in), nil
		}
	}
	stream, err := opt.Docker.ImageSave(ctx, []string{info.ID})
	if err != nil {
		return nil, fmt.Errorf("saving it from the Docker engine: %w", err)
	}
	defer stream.Close()
	in, err := importArchive(ctx, stream, "", opt)
	if err != nil {
		return nil, fmt.Errorf("saving it from the Docker engine: %w", err)
	}
	return name(in), store.record(info.ID, in.Digest)
}

func isNotFound(err error) bool {
	var nf interface{ NotFound() }
	return errors.As(err, &nf) || strings.Contains(err.Error(), "No such image")
}

var _ = mobyclient.DefaultDockerHost

// archive is what one pass over an archive has found.
type archive struct {
	store blobStore
	small map[string][]byte        // JSON files by name
	blobs map[string]v1.Descriptor // large files by name
	links map[string]string        // symlinks by name: old engines write a repeated layer as a link
}

// importArchive reads a docker-archive or OCI archive, plain or gzipped, in one pass: every large file goes straight into a blob
// of opt.Cache under its own digest.
func importArchive(ctx context.Context, r io.Reader, tag string, opt OpenOptions) (*Input, error) {
	if opt.Cache == "" {
		return nil, errors.New("no directory to import it into")
	}
	a := &archive{store: blobStore{opt.Cache}, small: map[string][]byte{}, blobs: map[string]v1.Descriptor{}, links: map[string]string{}}
	if err := a.store.prepare(); err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(r, 1<<20)
	if head, _ := buffered.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		buffered = bufio.NewReaderSize(z, 1<<20)
	}
	if err := a.read(ctx, tar.NewReader(buffered)); err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	if _, ok := a.small["manifest.json"]; ok {
		return a.openDockerArchive(opt)
	}
	if _, ok := a.small["index.json"]; ok {
		return a.openOCIArchive(tag, opt)
	}
	return nil, errors.New("the archive is neither docker save's (manifest.json) nor an OCI layout (index.json)")
}

func (a *archive) read(ctx context.Context, r *tar.Reader) error {
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= maxArchiveEntries {
			return fmt.Errorf("it has more than %d entries", maxArchiveEntries)
		}
		if err := a.entry(header, r); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}

func (a *archive) entry(header *tar.Header, r io.Reader) error {
	clean := string(CleanPath(header.Name))
	switch header.Typeflag {
	case tar.TypeSymlink:
		a.links[clean] = string(CleanPath(path.Join(path.Dir(clean), header.Linkname)))
	case tar.TypeLink:
		a.links[clean] = string(CleanPath(header.Linkname))
	case tar.TypeReg:
		if header.Size <= maxSmallFile && (path.Ext(clean) == ".json" || clean == "oci-layout") {
			data, err := io.ReadAll(io.LimitReader(r, header.Size))
			a.small[clean] = data
			if err != nil || !strings.HasPrefix(clean, "blobs/") {
				return err
			}
		}
		d, err := a.store.write(r, header.Size)
		if err != nil {
			return err
		}
		a.blobs[clean] = d
		if want, ok := strings.CutPrefix(clean, "blobs/sha256/"); ok && want != d.Digest.Hex {
			return fmt.Errorf("its content has digest %s", d.Digest)
		}
	}
	return nil
}

// layer finds a layer of a docker-archive, through links.
func (a *archive) layer(name string) (v1.Descriptor, error) {
	name = string(CleanPath(name))
	for range maxDepth {
		if d, ok := a.blobs[name]; ok {
			return d, nil
		}
		next, ok := a.links[name]
		if !ok {
			break
		}
		name = next
	}
	return v1.Descriptor{}, fmt.Errorf("layer %q is missing", name)
}

// openDockerArchive writes the OCI manifest that docker save's manifest.json stands for.
func (a *archive) openDockerArchive(opt OpenOptions) (*Input, error) {
	var list []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(a.small["manifest.json"], &list); err != nil {
		return nil, fmt.Errorf("reading manifest.json: %w", err)
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("the archive has %d images, not one", len(list))
	}
	entry := list[0]
	config, err := a.config(entry.Config)
	if err != nil {
		return nil, err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config}
	if len(entry.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, more than %d", len(entry.Layers), maxLayers)
	}
	for _, name := range entry.Layers {
		d, err := a.layer(name)
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, d)
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	d, err := a.store.write(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	in, err := a.store.open(d.Digest, opt)
	if err != nil {
		return nil, err
	}
	if len(entry.RepoTags) > 0 {
		in.Repo = shortName(entry.RepoTags[0])
		in.Tag = strings.TrimPrefix(strings.TrimPrefix(entry.RepoTags[0], in.Repo), ":")
	}
	return in, nil
}

func (a *archive) config(name string) (v1.Descriptor, error) {
	clean := string(CleanPath(name))
	data, ok := a.small[clean]
	if d, found := a.blobs[clean]; found {
		if d.Size > maxManifest {
			return d, fmt.Errorf("its config has %d bytes, more than %d", d.Size, maxManifest)
		}
		d.MediaType = types.OCIConfigJSON
		return d, nil
	}
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("its config %q is missing", name)
	}
	d, err := a.store.write(bytes.NewReader(data), int64(len(data)))
	d.MediaType = types.OCIConfigJSON
	return d, err
}

// openOCIArchive opens the image that index.json names; its blobs are in the store by now.
func (a *archive) openOCIArchive(tag string, opt OpenOptions) (*Input, error) {
	var index v1.IndexManifest
	if err := json.Unmarshal(a.small["index.json"], &index); err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	dir, err := os.MkdirTemp(a.store.dir, "index-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Symlink(filepath.Join(a.store.dir, "blobs"), filepath.Join(dir, "blobs")); err != nil {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "index.json"), a.small["index.json"], 0o644),
		os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)); err != nil {
		return nil, err
	}
	found, err := openLayout(dir, tag, opt)
	if err != nil {
		return nil, err
	}
	in, err := a.store.open(found.Digest, opt)
	if err != nil {
		return nil, err
	}
	in.RepoDigest = found.RepoDigest
	if strings.HasPrefix(found.Repo, "index-") {
		found.Repo = ""
	}
	in.Repo, in.Tag = found.Repo, found.Tag
	return in, nil
}
