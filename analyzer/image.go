package analyzer

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// maxPaths bounds the paths of an image.
const maxPaths = 10_000_000

// image is the root filesystem as the analysis sees it: every path once, sorted.
type image struct {
	root  layers.RootFS
	names []string // sorted
	nodes map[string]node
}

// node is one path of the image.
type node struct {
	mode fs.FileMode
	size int64
	stat layers.Stat
}

func (n node) regular() bool { return n.mode.IsRegular() }

// kind is the word of File.Kind.
func (n node) kind() string {
	switch n.mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "dir"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeSocket:
		return "socket"
	}
	return "device"
}

// readImage lists the whole tree, without following a link.
func readImage(ctx context.Context, root layers.RootFS) (*image, error) {
	im := &image{root: root, nodes: map[string]node{}}
	if err := im.walk(ctx, "."); err != nil {
		return nil, err
	}
	sort.Strings(im.names)
	return im, nil
}

func (im *image) walk(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := im.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	if len(im.names) >= maxPaths {
		return fmt.Errorf("reading the image: it has more than %d paths", maxPaths)
	}
	im.names = append(im.names, name)
	im.nodes[name] = node{info.Mode(), info.Size(), layers.StatOf(info)}
	if !info.IsDir() {
		return nil
	}
	entries, err := im.root.ReadDir(name)
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	for _, entry := range entries {
		if err := im.walk(ctx, path.Join(name, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (im *image) has(name string) bool {
	_, ok := im.nodes[name]
	return ok
}

func (im *image) isDir(name string) bool { return im.nodes[name].mode.IsDir() }

// match lists the paths that match a pattern, sorted.
func (im *image) match(g rules.Glob) []string {
	var found []string
	start := sort.SearchStrings(im.names, g.Prefix())
	for _, name := range im.names[start:] {
		if !strings.HasPrefix(name, g.Prefix()) {
			break
		}
		if g.Match(name) {
			found = append(found, name)
		}
	}
	return found
}

// below lists the paths under a directory, sorted.
func (im *image) below(dir string) []string {
	if dir == "." {
		return im.names
	}
	prefix := dir + "/"
	start := sort.SearchStrings(im.names, prefix)
	end := start
	for end < len(im.names) && strings.HasPrefix(im.names[end], prefix) {
		end++
	}
	return im.names[start:end]
}

// read reads at most limit bytes of a regular file.
func (im *image) read(name string, limit int64) ([]byte, error) {
	if !im.nodes[name].regular() {
		return nil, fmt.Errorf("%q is no regular file", name)
	}
	f, err := im.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// resolve follows a path as the kernel does.
func (im *image) resolve(dir, name string) (layers.Resolution, bool) {
	res, err := layers.Resolve(im.root, dir, name, true)
	return res, err == nil && !res.Missing
}
