package layers

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	dir     = tar.TypeDir
	symlink = tar.TypeSymlink
	link    = tar.TypeLink
)

func TestIndexMerges(t *testing.T) {
	for _, test := range []struct {
		name   string
		layers [][]h
		want   string // without the root
	}{
		{"whiteout of a file", [][]h{{{Name: "a"}, {Name: "b"}}, {{Name: ".wh.a"}}}, "/b -rw-r--r-- 0:0 0"},
		{"whiteout of a directory", [][]h{{{Name: "d/a"}, {Name: "b"}}, {{Name: ".wh.d"}}}, "/b -rw-r--r-- 0:0 0"},
		{"whiteout of nothing", [][]h{{{Name: "b"}}, {{Name: "none/.wh.d"}, {Name: ".wh."}, {Name: ".wh.."}}}, "/b -rw-r--r-- 0:0 0"},
		{"whiteout and the same name again", [][]h{{{Name: "d/a"}}, {{Name: "d/b"}, {Name: ".wh.d"}}},
			"/d drwxr-xr-x 0:0\n/d/b -rw-r--r-- 0:0 0"},
		{"whiteout hides nothing of its own layer", [][]h{{{Name: "a"}, {Name: ".wh.a"}}}, "/a -rw-r--r-- 0:0 0"},
		{"opaque", [][]h{{{Name: "d/a"}, {Name: "d/e/f"}}, {{Name: "d/b"}, {Name: "d/.wh..wh..opq"}}},
			"/d drwxr-xr-x 0:0\n/d/b -rw-r--r-- 0:0 0"},
		{"metadata of AUFS", [][]h{{{Name: "a"}}, {{Name: ".wh..wh.plnk", Typeflag: dir}, {Name: ".wh..wh.aufs"}}}, "/a -rw-r--r-- 0:0 0"},
		{"file over a directory", [][]h{{{Name: "d/a"}}, {{Name: "d", Size: 2}}}, "/d -rw-r--r-- 0:0 2"},
		{"directory over a file", [][]h{{{Name: "d"}}, {{Name: "d/a"}}}, ""}, // refused, see below
		{"directory over a directory", [][]h{{{Name: "d/a"}}, {{Name: "d/", Typeflag: dir, Mode: 0o1777, Uid: 3}}},
			"/d dtrwxrwxrwx 3:0\n/d/a -rw-r--r-- 0:0 0"},
		{"the same entry twice", [][]h{{{Name: "a", Size: 5}, {Name: "./a", Size: 7}}}, "/a -rw-r--r-- 0:0 7"},
		{"link to a lower layer", [][]h{{{Name: "a", Size: 5}}, {{Name: "b", Typeflag: link, Linkname: "/a"}}},
			"/a -rw-r--r-- 0:0 5 x2\n/b -rw-r--r-- 0:0 5 x2"},
		{"link whose first name is gone", [][]h{{{Name: "a", Size: 5}, {Name: "b", Typeflag: link, Linkname: "a"}}, {{Name: ".wh.a"}}},
			"/b -rw-r--r-- 0:0 5"},
		{"a parent that is a link", [][]h{{{Name: "usr/lib/a"}, {Name: "lib", Typeflag: symlink, Linkname: "usr/lib"}},
			{{Name: "lib/b"}, {Name: "lib/.wh.a"}}},
			"/lib Lrwxrwxrwx 0:0 -> usr/lib\n/usr drwxr-xr-x 0:0\n/usr/lib drwxr-xr-x 0:0\n/usr/lib/b -rw-r--r-- 0:0 0"},
		{"a parent that is a link to nothing yet", [][]h{{{Name: "l", Typeflag: symlink, Linkname: "/../x/y"}, {Name: "l/a"}}},
			"/l Lrwxrwxrwx 0:0 -> /../x/y\n/x drwxr-xr-x 0:0\n/x/y drwxr-xr-x 0:0\n/x/y/a -rw-r--r-- 0:0 0"},
		{"absolute names and dots", [][]h{{{Name: "/a"}, {Name: "./b/../c"}, {Name: "./", Typeflag: dir, Mode: 0o700}}},
			"/a -rw-r--r-- 0:0 0\n/c -rw-r--r-- 0:0 0"},
		{"odd names", [][]h{{{Name: "a\nb"}, {Name: "*"}, {Name: "!x"}, {Name: "\xff\\"}}},
			"/!x -rw-r--r-- 0:0 0\n/* -rw-r--r-- 0:0 0\n/a\\x0ab -rw-r--r-- 0:0 0\n/\\xff\\x5c -rw-r--r-- 0:0 0"},
		{"devices", [][]h{{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}, {Name: "p", Typeflag: tar.TypeFifo}}},
			"/null Dcrw-rw-rw- 0:0 dev 259\n/p prw-r--r-- 0:0"},
		{"capability", [][]h{{{Name: "ping", PAXRecords: map[string]string{paxCapability: "\x01\x00\x00\x02"}}}}, "/ping -rw-r--r-- 0:0 0 cap"},
	} {
		var tars [][]byte
		for _, headers := range test.layers {
			tars = append(tars, pack(t, headers...))
		}
		x, err := NewIndex(image(t, tars...))
		if test.want == "" {
			if err == nil {
				t.Errorf("%s: no error", test.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := regexp.MustCompile(`(?m)^/ .*\n?`).ReplaceAllString(lines(x), "")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestIndexReads(t *testing.T) {
	x := index(t, pack(t, h{Name: "etc/a", Size: 6}, h{Name: "etc/b", Size: 12}),
		pack(t, h{Name: "etc/c", Size: 6}, h{Name: "l", Typeflag: symlink, Linkname: "etc"}))
	for name, want := range map[string]string{"etc/a": "etc/a\n", "l/b": "etc/b\netc/b\n", "etc/c": "etc/c\n"} {
		if data, err := fs.ReadFile(x, name); err != nil || string(data) != want {
			t.Errorf("ReadFile(%s) = %q, %v, want %q", name, data, err, want)
		}
	}
	if err := x.Preload(100, func(e Entry) bool { return strings.HasPrefix(string(e.Path), "etc/") }); err != nil {
		t.Fatal(err)
	}
	x.source = nil // no layer is read any more
	if data, err := fs.ReadFile(x, "etc/b"); err != nil || len(data) != 12 {
		t.Errorf("ReadFile(etc/b) = %q, %v", data, err)
	}
	x = index(t, pack(t, h{Name: "var/spool", Typeflag: dir}, h{Name: "bin", Typeflag: symlink, Linkname: "usr/bin"},
		h{Name: "usr/bin/vim", Size: 7}, h{Name: "usr/bin/vi", Typeflag: link, Linkname: "usr/bin/vim"}, h{Name: "etc/passwd", Size: 11}))
	if err := fstest.TestFS(x, "usr/bin/vim", "etc/passwd"); err != nil {
		t.Error(err)
	}
}

func TestIndexCountsWaste(t *testing.T) {
	x := index(t, pack(t, h{Name: "keep", Size: 10}, h{Name: "gone", Size: 20}, h{Name: "twice", Size: 3}, h{Name: "twice", Size: 4},
		h{Name: "d/", Typeflag: dir}),
		pack(t, h{Name: ".wh.gone"}, h{Name: "keep2", Typeflag: link, Linkname: "keep"}))
	want := []LayerStat{{Files: 4, Dirs: 1, Bytes: 37, Wasted: 23}, {Files: 1}}
	if diff := cmp.Diff(want, x.Layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

// What a hostile layer says is one clear error, never a name outside of the tree.
func TestIndexRefuses(t *testing.T) {
	long := strings.Repeat("d/", 1500)
	for _, test := range []struct {
		name, want string
		headers    []h
	}{
		{"climbing name", "climbs out", []h{{Name: "../../escape"}}},
		{"climbing name behind a directory", "climbs out", []h{{Name: "a/../../escape"}}},
		{"climbing link", "climbs out", []h{{Name: "a", Typeflag: link, Linkname: "../../etc/shadow"}}},
		{"link to nothing", "does not exist", []h{{Name: "a", Typeflag: link, Linkname: "b"}}},
		{"link to a directory", "directory", []h{{Name: "b", Typeflag: dir}, {Name: "a", Typeflag: link, Linkname: "b"}}},
		{"cyclic link as a parent", "too many levels", []h{{Name: "a", Typeflag: symlink, Linkname: "b"},
			{Name: "b", Typeflag: symlink, Linkname: "a"}, {Name: "a/x"}}},
		{"file as a parent", "not a directory", []h{{Name: "a"}, {Name: "a/x"}}},
		{"root that is a file", "not a directory", []h{{Name: "."}}},
		{"name that is too long", "more than 4096", []h{{Name: strings.Repeat("x", 5000)}}},
		{"path that grows behind links", "behind links", []h{{Name: "l", Typeflag: symlink, Linkname: long}, {Name: "l/" + long + "x"}}},
		{"too many entries", "more than 3 entries", []h{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}},
		{"too many parents", "more than 3 entries", []h{{Name: "a/b/c/d/e"}}},
		{"owner", "no owner", []h{{Name: "a", Uid: math.MaxUint32 + 1}}},
		{"unknown type", "type", []h{{Name: "a", Typeflag: 'Z'}}},
		{"capability", "capability", []h{{Name: "a", PAXRecords: map[string]string{paxCapability: strings.Repeat("x", 99)}}}},
	} {
		max := defaultLimits
		if strings.Contains(test.want, "entries") {
			max.entries = 3
		}
		_, err := newIndex(image(t, pack(t, test.headers...)), max)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := NewIndex(image(t, pack(t, h{Name: "loop", Typeflag: symlink, Linkname: "loop"},
		h{Name: "out", Typeflag: symlink, Linkname: "../../../etc/shadow"}))); err != nil {
		t.Errorf("links that nothing follows: %v", err)
	}
}

// broken is an image whose first layer has other bytes than its digests say.
type broken struct {
	v1.Image
	stream func() io.Reader
}

type brokenLayer struct {
	v1.Layer
	stream func() io.Reader
}

func (b broken) Layers() ([]v1.Layer, error) {
	list, err := b.Image.Layers()
	list[0] = brokenLayer{list[0], b.stream}
	return list, err
}

func (b brokenLayer) Uncompressed() (io.ReadCloser, error) { return io.NopCloser(b.stream()), nil }

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestIndexBrokenLayers(t *testing.T) {
	data := pack(t, h{Name: "a", Size: 5000}, h{Name: "b", Size: 5000})
	other := pack(t, h{Name: "c"})
	big := pack(t, h{Name: "a"})[:512]
	for _, test := range []struct {
		name   string
		stream func() io.Reader
		is     error
	}{
		{"truncated layer", func() io.Reader { return bytes.NewReader(data[:7000]) }, io.ErrUnexpectedEOF},
		{"wrong digest", func() io.Reader { return bytes.NewReader(other) }, ErrDigest},
		{"truncated between entries", func() io.Reader { return bytes.NewReader(data[:512+5120]) }, ErrDigest},
		{"tar bomb", func() io.Reader { return io.MultiReader(bytes.NewReader(big), zeros{}) }, errTooLarge},
	} {
		max := defaultLimits
		max.layer = 1 << 20
		_, err := newIndex(broken{image(t, data), test.stream}, max)
		if !errors.Is(err, test.is) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.is)
		}
	}
}

func FuzzReadTar(f *testing.F) {
	f.Add(pack(f, h{Name: "d/a", Size: 3}, h{Name: ".wh.a"}, h{Name: "l", Typeflag: symlink, Linkname: "d"},
		h{Name: "l/b", Typeflag: link, Linkname: "d/a"}))
	f.Add(pack(f, h{Name: "d/.wh..wh..opq"}, h{Name: "../x"}, h{Name: strings.Repeat("n", 300)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := newTree()
		x.limits.entries, x.limits.text = 1000, 1<<20
		x.Layers = make([]LayerStat, 2)
		for number := range x.Layers {
			if x.readTar(bytes.NewReader(data), number) != nil {
				break
			}
		}
		x.finish()
		for _, e := range x.Entries() {
			if CleanPath(string(e.Path)) != e.Path {
				t.Errorf("%q is not clean", e.Path)
			}
			if _, err := x.Lstat(string(e.Path)); err != nil {
				t.Errorf("%q is listed: %v", e.Path, err)
			}
		}
	})
}
