package sbom_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/layers"
)

// stream is Options.Contents of a root: every second file, backwards, without random access, and each with a wrong content first.
func stream(root layers.RootFS) func(context.Context, func(string, io.Reader) error) error {
	return func(_ context.Context, do func(string, io.Reader) error) error {
		var names []string
		err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				names = append([]string{name}, names...)
			}
			return err
		})
		if err != nil {
			return err
		}
		for i := 0; i < len(names); i += 2 {
			data, err := fs.ReadFile(root, names[i])
			if err != nil {
				return err
			}
			for _, content := range [][]byte{[]byte("{"), data} {
				if err := do(names[i], io.MultiReader(bytes.NewReader(content))); err != nil {
					return err
				}
			}
		}
		return do("not/there", strings.NewReader(""))
	}
}

func TestContentsChangeNothing(t *testing.T) {
	content := javaTree(t)
	root := files(t, content, mixed)
	plain, streamed := read(t, root, sbom.Options{AllFiles: true}), read(t, root, sbom.Options{AllFiles: true, Contents: stream(root)})
	for name, write := range map[string]func(*sbom.Document) ([]byte, error){"CycloneDX": (*sbom.Document).CycloneDX,
		"SPDX": (*sbom.Document).SPDX} {
		want, err := write(plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := write(streamed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-opened +streamed):\n%s", name, diff)
		}
	}
}

func TestContentsError(t *testing.T) {
	contents := func(_ context.Context, do func(string, io.Reader) error) error {
		return do("a", io.MultiReader(strings.NewReader("x"), errReader{}))
	}
	if _, err := sbom.Read(t.Context(), tree(t, "-- a --\nx\n"), sbom.Options{Contents: contents}); err == nil ||
		!strings.Contains(err.Error(), `reading "a"`) {
		t.Errorf("Read = %v, want an error that names the file", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Hard links are one file with several names; metadata is read under each.
func TestHardLinks(t *testing.T) {
	doc := read(t, tree(t, `
hardlink app/node_modules/a/package.json store/x
-- store/x --
{"name": "a", "version": "1"}
`), sbom.Options{})
	if diff := cmp.Diff([]string{"pkg:npm/a@1"}, lines(doc)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if len(doc.Files) != 2 || doc.Files[0].SHA256 != doc.Files[1].SHA256 || doc.Files[0].SHA256 == "" {
		t.Errorf("Files = %v, want two of the same content", doc.Files)
	}
}

// No link is followed while files are read.
func TestLinks(t *testing.T) {
	doc := read(t, tree(t, `
symlink app/a.dist-info -> real
symlink loop -> loop
symlink out -> ../../../../etc
symlink usr/share/doc/x -> ../../../../..
-- app/real/METADATA --
Name: a
Version: 1
-- var/lib/dpkg/status --
Package: x
Status: install ok installed
Version: 1
`), sbom.Options{})
	if diff := cmp.Diff([]string{"pkg:deb/debian/x@1"}, lines(doc)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if len(doc.Files) != 2 {
		t.Errorf("Files = %v, want two", doc.Files)
	}
}
