package layers

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	mobyclient "github.com/moby/moby/client"
	godigest "github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"golang.org/x/sync/errgroup"
)

// A Docker engine with its classic image store has the files of each layer in a directory, and beside it what the layer's archive has
// between their contents (moby daemon/internal/layer, github.com/vbatts/tar-split). docker save puts the archives together in a temporary
// directory, one after the other, and then sends them. Who may read the engine's directories can do that without the detour. Nothing in
// them is trusted: a layer counts if it has the digest that the image's config names, and the config if it has that of the image.

const (
	overlayDriver = "overlay2"
	maxSplitLine  = 8 << 20 // bytes of one entry beside a layer: the headers of one file
)

// errNotOnDisk says that an image cannot be read from the engine's directories.
var errNotOnDisk = errors.New("the engine's directories do not have the image")

// diskImage imports an image of the engine from its directories. After any error but that of ctx the engine is asked for the image.
func diskImage(ctx context.Context, info mobyclient.ImageInspectResult, opt OpenOptions) (*Input, error) {
	if opt.InPodman {
		return nil, errNotOnDisk
	}
	engine, err := opt.Docker.Info(ctx, mobyclient.InfoOptions{})
	if err != nil {
		return nil, err
	}
	if engine.Info.Driver != overlayDriver || !filepath.IsAbs(engine.Info.DockerRootDir) {
		return nil, errNotOnDisk
	}
	return importFrom(opt, KindDocker, func(a *archive) (*Input, error) { return a.fromDisk(ctx, engine.Info.DockerRootDir, info.ID) })
}

// fromDisk reads the image with the given ID below the engine's root directory.
func (a *archive) fromDisk(ctx context.Context, root, id string) (*Input, error) {
	hash, err := v1.NewHash(id)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(root, "image", overlayDriver, "imagedb", "content", hash.Algorithm, hash.Hex)
	raw, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	var config v1.ConfigFile
	if err := decode(raw, "its config", &config); err != nil {
		return nil, err
	}
	if a.blobs["config"], err = a.store.write(bytes.NewReader(raw), int64(len(raw))); err != nil {
		return nil, err
	}
	if got := a.blobs["config"].Digest; got != hash {
		return nil, fmt.Errorf("%w: the config is %s, the image %s", ErrDigest, got, hash)
	}
	entry := savedEntry{Config: "config"}
	var diffIDs []godigest.Digest
	for _, diff := range config.RootFS.DiffIDs {
		diffIDs, entry.Layers = append(diffIDs, godigest.Digest(diff.String())), append(entry.Layers, diff.String())
	}
	if err := a.layersOnDisk(ctx, root, diffIDs); err != nil {
		return nil, err
	}
	list, err := json.Marshal([]savedEntry{entry})
	if err != nil {
		return nil, err
	}
	return a.dockerImage(list, "")
}

// layersOnDisk puts the archives of layers together, several at a time. The names of their blobs are the diff IDs.
func (a *archive) layersOnDisk(ctx context.Context, root string, diffIDs []godigest.Digest) error {
	if len(diffIDs) > maxLayers {
		return fmt.Errorf("it has %d layers, more than %d", len(diffIDs), maxLayers)
	}
	a.hashing.SetLimit(parallel())
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(parallel())
	for i, chain := range identity.ChainIDs(slices.Clone(diffIDs)) { // it changes its argument
		eg.Go(func() error {
			return a.layerOnDisk(ctx, diffIDs[i].String(), filepath.Join(root, "image", overlayDriver, "layerdb", "sha256", chain.Encoded()),
				filepath.Join(root, overlayDriver))
		})
	}
	err := eg.Wait()
	return cmp.Or(err, a.hashing.Wait())
}

// layerOnDisk puts the archive of a layer together. record is the engine's directory about the layer, driver that of all layers' files.
func (a *archive) layerOnDisk(ctx context.Context, diffID, record, driver string) error {
	cacheID, err := readSmall(filepath.Join(record, "cache-id"))
	if err != nil || !filepath.IsLocal(string(cacheID)) {
		return errors.Join(errNotOnDisk, err)
	}
	files, err := os.OpenRoot(filepath.Join(driver, string(cacheID), "diff"))
	if err != nil {
		return err
	}
	defer files.Close()
	split, err := os.Open(filepath.Join(record, "tar-split.json.gz"))
	if err != nil {
		return err
	}
	defer split.Close()
	entries, err := gzip.NewReader(withContext{ctx, split})
	if err != nil {
		return err
	}
	any := func(_ v1.Descriptor, err error) error { return err } // dockerImage compares the digests
	return a.take(diffID, func(w io.Writer) error { return assemble(w, entries, files) }, any)
}

// splitEntry is one piece of a layer's archive, a line of JSON: bytes, or the content of a file (tar-split tar/storage/entry.go).
type splitEntry struct {
	Type    int    `json:"type"` // 1 is a file, 2 bytes
	Name    string `json:"name"`
	NameRaw []byte `json:"name_raw"` // a name that is no UTF-8
	Size    int64  `json:"size"`
	Payload []byte `json:"payload"` // of a file: its checksum, which the digest of the layer makes superfluous
}

// assemble writes the archive whose pieces are in entries, with the contents of files.
func assemble(out io.Writer, entries io.Reader, files *os.Root) error {
	lines := bufio.NewScanner(entries)
	lines.Buffer(make([]byte, 0, 64<<10), maxSplitLine)
	buffered, total := bufio.NewWriterSize(out, 1<<20), int64(0)
	for lines.Scan() {
		var entry splitEntry
		if err := json.Unmarshal(lines.Bytes(), &entry); err != nil {
			return err
		}
		if total += int64(len(entry.Payload)) + entry.Size; entry.Size < 0 || total > maxArchiveBytes {
			return errTooLarge
		}
		switch {
		case entry.Type == 2:
			if _, err := buffered.Write(entry.Payload); err != nil {
				return err
			}
		case entry.Type == 1 && entry.Size > 0:
			if entry.Name == "" {
				entry.Name = string(entry.NameRaw)
			}
			if err := copyFile(buffered, files, strings.TrimLeft(entry.Name, "/"), entry.Size); err != nil {
				return err
			}
		}
	}
	return errors.Join(lines.Err(), buffered.Flush())
}

// copyFile writes the content of a regular file of exactly size bytes.
func copyFile(out io.Writer, files *os.Root, name string, size int64) error {
	f, err := files.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for its writer
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return errors.Join(fmt.Errorf("%s is not the file of %d bytes that the layer has", name, size), err)
	}
	_, err = io.CopyN(out, f, size)
	return err
}
