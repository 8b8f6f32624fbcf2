package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// limits bound the memory and time that an image can cost.
type limits struct {
	entries   int   // of all layers together
	name      int   // bytes of one name or link target: PATH_MAX, include/uapi/linux/limits.h
	text      int64 // bytes of all names, link targets and capabilities together
	layer     int64 // uncompressed bytes of one layer
	manifests int   // in all image indexes of one input
	layers    int   // in one image
}

var defaultLimits = limits{entries: 5_000_000, name: 4096, text: 1 << 30, layer: 512 << 30, manifests: 2000, layers: 1000}

// Whiteouts of the OCI image specification (layer.md). Other names with the prefix of opaque are metadata of AUFS.
const (
	whiteout = ".wh."
	metadata = ".wh..wh."
	opaque   = ".wh..wh..opq"
)

// insideName is a name of an archive as a clean path. Absolute names are taken inside the root; one that climbs out is refused.
func insideName(name string) (string, error) {
	depth := 0
	for _, part := range splitPath(name) {
		if part != ".." {
			depth++
		} else if depth--; depth < 0 {
			return "", errors.New("the name climbs out of the root filesystem")
		}
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", errors.New("the name holds a zero byte")
	}
	return string(CleanPath(name)), nil
}

// put sets the inode of name. A directory that replaces a directory keeps its entries; any other inode replaces the old node.
func (x *Index) put(name string, n *Inode, layer int) error {
	if name == "." {
		if !n.Mode.IsDir() {
			return errors.New("the root is not a directory")
		}
		x.root.Inode, x.root.layer = n, layer
		return nil
	}
	parent, err := x.parent(path.Dir(name), layer)
	if err != nil {
		return err
	}
	base := path.Base(name)
	if old := parent.children[base]; old != nil && old.Mode.IsDir() && n.Mode.IsDir() {
		old.Inode, old.layer = n, layer
		return nil
	}
	if parent.children == nil {
		parent.children = map[string]*node{}
	}
	parent.children[base] = &node{Inode: n, layer: layer}
	return nil
}

// parent returns the parent directory of name after following its symlinks. It creates the missing directories on the way.
func (x *Index) parent(name string, layer int) (*node, error) {
	n := x.root
	for _, part := range splitPath(name) {
		next := n.children[part]
		if next == nil || !next.Mode.IsDir() {
			return x.makeParent(name, layer)
		}
		n = next
	}
	return n, nil
}

func (x *Index) makeParent(name string, layer int) (*node, error) {
	res, err := Resolve(x, ".", name, true)
	if err != nil {
		return nil, err
	}
	rest := splitPath(res.Rest)
	for _, part := range rest {
		if part == ".." {
			return nil, &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrNotExist}
		}
	}
	if len(res.Path)+len(res.Rest) > x.limits.name { // links may lead deeper than any name does
		return nil, fmt.Errorf("its path has more than %d bytes behind links", x.limits.name)
	}
	n := x.root
	for _, part := range append(splitPath(res.Path), rest...) {
		next := n.children[part]
		if next == nil {
			if x.read++; x.read > x.limits.entries {
				return nil, fmt.Errorf("the image has more than %d entries", x.limits.entries)
			}
			next = x.dir(layer)
			if n.children == nil {
				n.children = map[string]*node{}
			}
			n.children[part] = next
		}
		if !next.Mode.IsDir() {
			return nil, fmt.Errorf("%q is not a directory", part)
		}
		n = next
	}
	return n, nil
}

// link adds name as another name of the file target.
func (x *Index) link(name, target string, layer int) error {
	dir, err := x.follow("link", path.Dir(target))
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", target, err)
	}
	n := dir.children[path.Base(target)]
	if n == nil {
		return fmt.Errorf("hard link to %q: %w", target, fs.ErrNotExist)
	}
	if n.Mode.IsDir() {
		return fmt.Errorf("hard link to %q, which is a directory", target)
	}
	return x.put(name, n.Inode, layer)
}

// hide applies a layer's whiteout: it removes the entries of lower layers and keeps those of this layer.
func (x *Index) hide(name string, layer int) error {
	dir, err := x.follow("whiteout", path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	base := path.Base(name)
	if base == opaque {
		for child, n := range dir.children {
			if !n.prune(layer) {
				delete(dir.children, child)
			}
		}
		return nil
	}
	if strings.HasPrefix(base, metadata) {
		return nil
	}
	base = strings.TrimPrefix(base, whiteout)
	if n := dir.children[base]; n != nil && !n.prune(layer) {
		delete(dir.children, base)
	}
	return nil
}

// prune removes the entries that are older than layer. It reports whether any entry is left.
func (n *node) prune(layer int) bool {
	for base, child := range n.children {
		if !child.prune(layer) {
			delete(n.children, base)
		}
	}
	return n.layer >= layer || len(n.children) > 0
}

// finish counts names and wasted bytes.
func (x *Index) finish() {
	seen := map[*Inode]bool{}
	x.root.walk(".", func(_ string, n *node) {
		n.Nlink++
		if n.Mode.IsRegular() && !seen[n.Inode] && n.Layer < len(x.Layers) {
			seen[n.Inode] = true
			x.Layers[n.Layer].Wasted -= n.Size
		}
	})
	for i := range x.Layers {
		x.Layers[i].Wasted += x.Layers[i].Bytes
	}
}
