package layers

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// idle is for how long nothing used an image that may be removed while another process uses the directory.
const idle = 24 * time.Hour

// use opens an image that was imported into the store. All its blobs get the same time, so that they go together.
func (s blobStore) use(digest v1.Hash) (*Input, error) {
	in, err := s.open(digest)
	if err != nil {
		return nil, err
	}
	manifest, err := in.Image.Manifest()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, d := range append([]v1.Descriptor{{Digest: digest}, manifest.Config}, manifest.Layers...) {
		_ = os.Chtimes(blobPath(s.dir, d.Digest), now, now) // where it fails the image goes too early, and is imported again
	}
	return in, nil
}

// TrimCache removes imported images from dir (OpenOptions.Cache), the longest unused first, until at most limit bytes are left. sole says
// that no other process uses the directory; else images stay that were used within a day. It returns the number of bytes removed.
func TrimCache(dir string, limit int64, sole bool) (freed int64, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var blobs []fs.FileInfo
	var total int64
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			blobs = append(blobs, info)
			total += info.Size()
		}
	}
	slices.SortFunc(blobs, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	for i, blob := range blobs {
		together := i > 0 && freed > 0 && blob.ModTime().Equal(blobs[i-1].ModTime()) // the rest of an image that is no longer whole
		if total-freed <= limit && !together || !sole && time.Since(blob.ModTime()) < idle {
			break
		}
		if err := os.Remove(filepath.Join(dir, "blobs", "sha256", blob.Name())); err != nil {
			return freed, err
		}
		freed += blob.Size()
	}
	return freed, blobStore{dir}.forget()
}

// forget removes the records of images whose manifest is gone.
func (s blobStore) forget() error {
	records, err := os.ReadDir(filepath.Join(s.dir, "docker"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, record := range records {
		name := filepath.Join(s.dir, "docker", record.Name())
		digest, ok := readRecord(name)
		if ok {
			_, err = os.Lstat(blobPath(s.dir, digest))
		}
		if !ok || errors.Is(err, fs.ErrNotExist) {
			os.Remove(name)
		}
	}
	return nil
}
