package layers

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// lines is an index as one sorted line a path.
func lines(x *Index) string {
	var list []string
	for _, e := range x.Entries() {
		line := fmt.Sprintf("%s %v %d:%d", e.Path, e.Mode, e.UID, e.GID)
		switch {
		case e.Mode.IsRegular():
			line += fmt.Sprintf(" %d", e.Size)
		case e.Mode&fs.ModeSymlink != 0:
			line += " -> " + e.Link
		case e.Mode&fs.ModeDevice != 0:
			line += fmt.Sprintf(" dev %d", e.Rdev)
		}
		if e.Nlink > 1 {
			line += fmt.Sprintf(" x%d", e.Nlink)
		}
		if e.Capability != "" {
			line += " cap"
		}
		if e.ModTime != 0 {
			line += fmt.Sprintf(" @%d", e.ModTime)
		}
		list = append(list, line)
	}
	return strings.Join(list, "\n")
}

// h is one tar entry of a test: what is not set is filled in by pack.
type h = tar.Header

// pack makes a tar of headers; a regular file's content is its name, cut or repeated to its size.
func pack(t testing.TB, headers ...h) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, header := range headers {
		if header.Typeflag == 0 {
			header.Typeflag = tar.TypeReg
		}
		if header.Mode == 0 {
			header.Mode = 0o644
			if header.Typeflag == tar.TypeDir {
				header.Mode = 0o755
			}
		}
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			data := bytes.Repeat([]byte(header.Name+"\n"), int(header.Size)/(len(header.Name)+1)+1)
			if _, err := w.Write(data[:header.Size]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// image makes an image of layers, for linux/amd64.
func image(t testing.TB, tars ...[]byte) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{Entrypoint: []string{"/app"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range tars {
		if img, err = mutate.AppendLayers(img, static.NewLayer(data, types.OCIUncompressedLayer)); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// index merges the layers.
func index(t testing.TB, tars ...[]byte) *Index {
	t.Helper()
	x, err := NewIndex(image(t, tars...))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
