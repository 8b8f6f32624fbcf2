package keep

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

// image is the root filesystem as the analysis sees it: every path once, sorted. It is a layers.RootFS itself that answers Lstat and
// ReadLink from memory: the analysis looks some hundred thousand paths up, and each look-up below an os.Root opens every directory on
// the way.
type image struct {
	root  layers.RootFS
	names []string // sorted
	nodes map[string]node
	links map[string]string // targets of the symlinks that were asked for
}

// node is one path of the image.
type node struct {
	info fs.FileInfo
	mode fs.FileMode
	size int64
	stat layers.Stat
}

// regular is false for a path that the image does not have, too.
func (n node) regular() bool { return n.info != nil && n.mode.IsRegular() }

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
	im := &image{root: root, nodes: map[string]node{}, links: map[string]string{}}
	info, err := root.Lstat(".")
	if err != nil {
		return nil, fmt.Errorf("reading the image: %w", err)
	}
	if err := im.walk(ctx, ".", info); err != nil {
		return nil, err
	}
	sort.Strings(im.names)
	return im, nil
}

func (im *image) walk(ctx context.Context, name string, info fs.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(im.names) >= maxPaths {
		return fmt.Errorf("reading the image: it has more than %d paths", maxPaths)
	}
	im.names = append(im.names, name)
	im.nodes[name] = node{info, info.Mode(), info.Size(), layers.StatOf(info)}
	if !info.IsDir() {
		return nil
	}
	entries, err := im.root.ReadDir(name)
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return fmt.Errorf("reading the image: %w", err)
		}
		if err := im.walk(ctx, path.Join(name, entry.Name()), info); err != nil {
			return err
		}
	}
	return nil
}

// Open is fs.FS.
func (im *image) Open(name string) (fs.File, error) { return im.root.Open(name) }

// Stat is fs.StatFS.
func (im *image) Stat(name string) (fs.FileInfo, error) { return im.root.Stat(name) }

// ReadDir is fs.ReadDirFS.
func (im *image) ReadDir(name string) ([]fs.DirEntry, error) { return im.root.ReadDir(name) }

// Lstat is fs.ReadLinkFS.
func (im *image) Lstat(name string) (fs.FileInfo, error) {
	n, ok := im.nodes[name]
	if !ok {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return n.info, nil
}

// ReadLink is fs.ReadLinkFS.
func (im *image) ReadLink(name string) (string, error) {
	if target, ok := im.links[name]; ok {
		return target, nil
	}
	target, err := im.root.ReadLink(name)
	if err == nil {
		im.links[name] = target
	}
	return target, err
}

func (im *image) has(name string) bool {
	_, ok := im.nodes[name]
	return ok
}

func (im *image) isDir(name string) bool { return im.nodes[name].mode.IsDir() }

// match lists the paths that match a pattern, sorted.
func (im *image) match(g rules.Glob) []string {
	var found []string
	for _, name := range im.beginning(g.Prefix()) {
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
	return im.beginning(dir + "/")
}

// beginning lists the paths that begin with prefix, sorted.
func (im *image) beginning(prefix string) []string {
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
	data := make([]byte, min(limit, im.nodes[name].size))
	n, err := io.ReadFull(f, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return data[:n], nil
}

// resolve follows a path as the kernel does.
func (im *image) resolve(dir, name string) (layers.Resolution, bool) {
	res, err := layers.Resolve(im, dir, name, true)
	return res, err == nil && !res.Missing
}
