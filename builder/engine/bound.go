//go:build !frontend

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/moby/buildkit/client"

	"github.com/slimimage/slim/layers"
)

// SizeVar is the environment variable with the bound of slim's directory: a number of bytes, or one with a unit such as 500MB or 10GiB.
const SizeVar = "SLIM_CACHE_SIZE"

// defaultSize is the bound without SizeVar, as far as it is no more than a tenth of the disk.
const defaultSize = 20 << 30

// bound is how much slim keeps on this machine: of BuildKit, and of images that were imported for it.
type bound struct{ build, images int64 }

// boundOf is the bound of the directory with the state of the embedded engine. A quarter is for images: BuildKit has what it needs of
// them in its own cache, too.
func boundOf(root string) (bound, error) {
	total, err := sizeOf(os.Getenv(SizeVar))
	if err != nil {
		return bound{}, fmt.Errorf("%s: %w", SizeVar, err)
	}
	if total == 0 {
		total = defaultSize
		if disk, err := diskSize(root); err == nil {
			total = min(total, disk/10)
		}
	}
	return bound{build: total - total/4, images: total / 4}, nil
}

// units of sizes: powers of ten, and of two with an i (IEC 80000-13).
var units = map[string]float64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}

// sizeOf reads a size; 0 for "".
func sizeOf(text string) (int64, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if text == "" {
		return 0, nil
	}
	end := strings.LastIndexAny(text, "0123456789.") + 1
	number, err := strconv.ParseFloat(text[:end], 64)
	unit, ok := units[strings.TrimSpace(text[end:])]
	if err != nil || !ok || number <= 0 || number*unit < 1 || number*unit > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is no size; examples: 500MB, 10GiB", text)
	}
	return int64(number * unit), nil
}

// Images is the directory of imported images, which this process uses. Another process removes only images from it that nobody has used
// for a day.
type Images struct {
	Dir  string
	lock *flock.Flock
}

// UseImages returns the directory of imported images below slim's.
func UseImages(cache string) (*Images, error) {
	i := &Images{Dir: imagesDir(cache), lock: imagesLock(cache)}
	if err := i.lock.RLock(); err != nil {
		return nil, fmt.Errorf("locking the imported images: %w", err)
	}
	return i, nil
}

func imagesDir(cache string) string { return filepath.Join(cache, "images") }

func imagesLock(cache string) *flock.Flock { return flock.New(filepath.Join(cache, "images.lock")) }

// Close ends the use. It removes the images that nobody has used for the longest time, down to the bound.
func (i *Images) Close() error {
	limit, err := boundOf(filepath.Dir(i.Dir))
	if err != nil {
		return errors.Join(err, i.lock.Unlock())
	}
	if err := i.lock.Unlock(); err != nil {
		return err
	}
	sole, err := i.lock.TryLock()
	if err != nil {
		return err
	}
	_, err = layers.TrimCache(i.Dir, limit.images, sole)
	return errors.Join(err, i.lock.Unlock())
}

// trimTime bounds the end of a build that has to shrink BuildKit's cache. What is left is for the next one.
const trimTime = 15 * time.Second

// trim shrinks BuildKit's cache to its bound. BuildKit itself does so a minute after a build, when slim has long ended.
func (e *Engine) trim(limit int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), trimTime)
	defer cancel()
	return e.Client.Prune(ctx, nil, client.PruneAll, client.WithKeepOpt(0, 0, limit, 0))
}

var errRunning = errors.New("another slim is running: retry after it has ended")

// pruneImages removes the imported images and the agents from slim's directory, unless another slim uses images. It returns the number of
// bytes freed.
func pruneImages(cache string) (freed int64, err error) {
	lock := imagesLock(cache)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return 0, errors.Join(errRunning, err)
	}
	defer lock.Unlock()
	for _, name := range []string{"images", "agent"} {
		dir := filepath.Join(cache, name)
		freed += size(dir)
		err = errors.Join(err, removeAll(dir))
	}
	return freed, err
}

// size is the disk space below dir, in bytes.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			total += diskUse(info)
		}
		return nil
	})
	return total
}
