package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"

	"github.com/slimimage/slim/layers/infile"
)

// maxUserFile bounds a file that a user writes (a Dockerfile, settings, probes), in bytes.
const maxUserFile = 4 << 20

// ContextDigest is the digest of a Dockerfile and of all files of its context that .dockerignore leaves, without building
// anything. It does not include the digests of the base images.
func ContextDigest(ctx context.Context, df *Dockerfile) (string, error) {
	b := &build{opt: Options{Dockerfile: df}}
	text, err := infile.Read(b.dockerfilePath(), maxUserFile, df.Context)
	if err != nil {
		return "", err
	}
	sum := []byte(digest.FromBytes(text))
	dirs := b.contexts()
	delete(dirs, "dockerfile")
	mounts, err := openDirs(dirs)
	if err != nil {
		return "", err
	}
	for _, name := range sortedKeys(mounts) {
		ignored, err := ignoredFiles(dirs[name])
		if err != nil {
			return "", err
		}
		tree, err := treeDigest(ctx, mounts[name], &fsutil.FilterOpt{ExcludePatterns: ignored})
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", dirs[name], err)
		}
		sum = append(sum, "\n"+name+" "+tree...)
	}
	images, err := b.layoutContexts()
	if err != nil {
		return "", err
	}
	for _, name := range sortedKeys(images) {
		sum = append(sum, "\n"+name+" "+images[name].digest...)
	}
	return digest.FromBytes(sum).String(), nil
}

// ignoredFiles are the patterns of a directory's .dockerignore.
func ignoredFiles(dir string) ([]string, error) {
	data, err := infile.Read(filepath.Join(dir, ".dockerignore"), maxUserFile, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(data))
	return patterns, err
}
