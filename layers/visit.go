package layers

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
)

// Preload reads the content of every regular file selected by want into memory, in one pass over each layer that holds one: many small
// files (a package database) cost as much as one. It fails if the files have more than limit bytes together.
func (x *Index) Preload(limit int64, want func(Entry) bool) error {
	chosen := map[*Inode]bool{}
	var total int64
	for _, e := range x.Entries() {
		if e.Mode.IsRegular() && e.content == nil && !chosen[e.Inode] && want(e) {
			chosen[e.Inode] = true
			if e.Size > limit || total+e.Size > limit {
				return fmt.Errorf("reading %s: it and the files before it have more than %d bytes", e.Path, limit)
			}
			total += e.Size
		}
	}
	return x.visit(chosen, func(n *Inode, r io.Reader) (err error) {
		n.content, err = io.ReadAll(r)
		return err
	})
}

// visit calls do with the content of each chosen regular file, layer by layer.
func (x *Index) visit(chosen map[*Inode]bool, do func(*Inode, io.Reader) error) error {
	byPlace := map[int]map[int]*Inode{} // layer, position
	for n := range chosen {
		if n.content != nil || n.Size == 0 {
			if err := do(n, bytes.NewReader(n.content)); err != nil {
				return err
			}
			continue
		}
		if byPlace[n.Layer] == nil {
			byPlace[n.Layer] = map[int]*Inode{}
		}
		byPlace[n.Layer][n.Position] = n
	}
	for number, layer := range x.source {
		if err := x.visitLayer(number, byPlace[number], do); err != nil {
			digest, _ := layer.Digest()
			return fmt.Errorf("reading layer %d (%s): %w", number+1, digest, err)
		}
	}
	return nil
}

func (x *Index) visitLayer(number int, files map[int]*Inode, do func(*Inode, io.Reader) error) error {
	if len(files) == 0 {
		return nil
	}
	stream, err := x.source[number].Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	r := tar.NewReader(&capped{stream, x.limits.layer})
	content := &capped{r, x.limits.layer} // holes of sparse files take no space in the layer, but time to read here
	for position := 0; len(files) > 0; position++ {
		if _, err := r.Next(); err != nil {
			return err
		}
		n := files[position]
		if n == nil {
			continue
		}
		delete(files, position)
		if err := do(n, content); err != nil {
			return err
		}
	}
	return nil
}

// hashes are the SHA-256 of the chosen files.
func (x *Index) hashes(chosen map[*Inode]bool) (map[*Inode][sha256.Size]byte, error) {
	sums := make(map[*Inode][sha256.Size]byte, len(chosen))
	err := x.visit(chosen, func(n *Inode, r io.Reader) error {
		hash := sha256.New()
		if _, err := io.Copy(hash, r); err != nil {
			return err
		}
		sums[n] = [sha256.Size]byte(hash.Sum(nil))
		return nil
	})
	return sums, err
}
