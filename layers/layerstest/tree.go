// Package layerstest builds root filesystems for tests from text.
package layerstest

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/tools/txtar"

	"github.com/slimimage/slim/layers"
)

// TreeFromTxtar returns an image of one layer that a txtar archive describes. The archive's files are regular files (mode 0644, owner
// 0:0); missing parents are directories (0755). Each line of the archive's comment is a directive:
//
//	dir PATH
//	file PATH               an empty file
//	device PATH             a block device, 0666
//	symlink PATH -> TARGET
//	hardlink NEW OLD
//	mode PATH 4755          octal
//	owner PATH 1:2
//	capability PATH RAW     security.capability; 0x... is hexadecimal
//
// Directives apply in order, after the files. Empty lines and lines that begin with "#" are ignored. A PATH in a directive has no blanks.
// The content of all files is in memory.
func TreeFromTxtar(b []byte) (*layers.Index, error) {
	archive := txtar.Parse(b)
	var t tree
	for _, f := range archive.Files {
		t.add(&entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: clean(f.Name), Mode: 0o644, Size: int64(len(f.Data))}, data: f.Data})
	}
	for _, line := range strings.Split(string(archive.Comment), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := t.directive(words); err != nil {
			return nil, fmt.Errorf("tree: %q: %w", line, err)
		}
	}
	return t.index()
}

// clean is the name of a path in a tar archive.
func clean(name string) string { return string(layers.CleanPath(name)) }

// entry is one entry of the layer.
type entry struct {
	tar.Header
	data []byte
}

// tree is the layer's entries in the order of the archive.
type tree struct{ entries []*entry }

func (t *tree) add(e *entry) { t.entries = append(t.entries, e) }

func (t *tree) directive(words []string) error {
	name := ""
	if len(words) > 1 {
		name = clean(words[1])
	}
	switch {
	case words[0] == "dir" && len(words) == 2:
		t.add(&entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}})
	case words[0] == "file" && len(words) == 2:
		t.add(&entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}})
	case words[0] == "device" && len(words) == 2:
		t.add(&entry{Header: tar.Header{Typeflag: tar.TypeBlock, Name: name, Mode: 0o666, Devmajor: 8}})
	case words[0] == "symlink" && len(words) == 4 && words[2] == "->":
		t.add(&entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: words[3], Mode: 0o777}})
	case words[0] == "hardlink" && len(words) == 3:
		t.add(&entry{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: clean(words[2])}})
	case len(words) == 3:
		return t.attribute(words[0], name, words[2])
	default:
		return fmt.Errorf("not a directive")
	}
	return nil
}

// attribute sets the mode, the owner or the capability of a path.
func (t *tree) attribute(what, name, value string) error {
	e := t.find(name)
	if e == nil {
		return fmt.Errorf("%q does not exist", name)
	}
	switch what {
	case "mode":
		mode, err := strconv.ParseUint(value, 8, 12)
		e.Mode = int64(mode)
		return err
	case "owner":
		_, err := fmt.Sscanf(value, "%d:%d", &e.Uid, &e.Gid)
		return err
	case "capability":
		if digits, ok := strings.CutPrefix(value, "0x"); ok {
			raw, err := hex.DecodeString(digits)
			if err != nil {
				return err
			}
			value = string(raw)
		}
		e.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": value}
		return nil
	}
	return fmt.Errorf("not a directive")
}

// find returns the entry of a path: of a hard link, the entry that it links to; of a parent that has no entry, a new one.
func (t *tree) find(name string) *entry {
	parent := name == "."
	for i := len(t.entries) - 1; i >= 0; i-- {
		e := t.entries[i]
		if e.Name == name && e.Typeflag == tar.TypeLink {
			return t.find(e.Linkname)
		}
		if e.Name == name {
			return e
		}
		parent = parent || strings.HasPrefix(e.Name, name+"/")
	}
	if !parent {
		return nil
	}
	e := &entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
	t.add(e)
	return e
}

// index writes the entries as a layer and reads that back.
func (t *tree) index() (*layers.Index, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range t.entries {
		if strings.HasPrefix(path.Base(e.Name), ".wh.") {
			return nil, fmt.Errorf("tree: %q is a whiteout", e.Name)
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			return nil, fmt.Errorf("tree: %q: %w", e.Name, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("tree: %q: %w", e.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	img, err := image(buf.Bytes())
	if err != nil {
		return nil, err
	}
	x, err := layers.NewIndex(img)
	if err != nil {
		return nil, fmt.Errorf("tree: %w", err)
	}
	return x, x.Preload(1<<30, func(layers.Entry) bool { return true })
}

func image(layer []byte) (v1.Image, error) {
	return mutate.AppendLayers(empty.Image, static.NewLayer(layer, types.OCIUncompressedLayer))
}
