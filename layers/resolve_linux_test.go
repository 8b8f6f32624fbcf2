package layers

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// linkTree is a layer of links of every kind.
func linkTree(t testing.TB) []byte {
	headers := []h{
		{Name: "usr/lib", Typeflag: tar.TypeDir}, {Name: "empty", Typeflag: tar.TypeDir}, {Name: "usr/lib/libc.so.6"}, {Name: "file"},
	}
	for _, link := range [][2]string{
		{"lib", "usr/lib"}, {"abs", "/usr/lib"}, {"chain", "abs"}, {"up", "../../../../usr"}, {"usr/back", ".."}, {"loop", "loop"},
		{"a", "b"}, {"b", "a"}, {"dangling", "usr/none/x"}, {"slash", "usr/lib/"}, {"fileslash", "file/"}, {"dot", "."},
		{"usr/lib/libc.so", "../../lib/libc.so.6"},
	} {
		headers = append(headers, h{Typeflag: tar.TypeSymlink, Name: link[0], Linkname: link[1]})
	}
	return pack(t, headers...)
}

// linkNames are looked up below in every way.
var linkNames = []string{
	"file", "/file", "file/", "file/.", "file/..", "file/x", "lib", "lib/", "lib/.", "lib/libc.so.6", "lib/libc.so", "abs/libc.so", "chain",
	"chain/libc.so.6", "chain/../libc.so.6", "lib/..", "lib/../bin", "lib/../../..", "up", "up/lib", "up/back/file", "usr/back/usr/back/lib",
	"loop", "loop/x", "a", "a/", "dangling", "dangling/", "dangling/y", "none", "none/", "none/x", "none/..", "none/../file", "slash",
	"slash/libc.so.6", "fileslash", "dot", "dot/dot/file", "..", "../../file", "/", ".", "./usr/./lib", "//usr//lib", "usr/lib/libc.so/",
	"empty/../lib", "empty/x",
}

func TestResolve(t *testing.T) {
	root := index(t, linkTree(t))
	for _, test := range []struct {
		dir, name string
		follow    bool
		want      Resolution
	}{
		{".", "lib/libc.so", true, Resolution{Path: "usr/lib/libc.so.6", Hops: []string{"lib", "usr/lib/libc.so", "lib"}}},
		{".", "lib/libc.so", false, Resolution{Path: "usr/lib/libc.so", Hops: []string{"lib"}}},
		{"usr/lib", "../../file", true, Resolution{Path: "file"}},
		{"usr/lib", "/file", true, Resolution{Path: "file"}},
		{"/usr/lib/", "libc.so.6", true, Resolution{Path: "usr/lib/libc.so.6"}},
		{".", "dangling", true, Resolution{Path: "usr/none", Hops: []string{"dangling"}, Missing: true, Rest: "x"}},
		{".", "none/../file", true, Resolution{Path: "none", Missing: true, Rest: "../file"}},
		{".", "lib/", false, Resolution{Path: "usr/lib", Hops: []string{"lib"}}},
	} {
		got, err := Resolve(root, test.dir, test.name, test.follow)
		if err != nil {
			t.Errorf("Resolve(%s, %s): %v", test.dir, test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Resolve(%s, %s, %v) (-want +got):\n%s", test.dir, test.name, test.follow, diff)
		}
	}
}

// The kernel's own look-up, confined to a directory, is the measure (openat2(2), RESOLVE_IN_ROOT).
func TestResolveAsTheKernel(t *testing.T) {
	root := index(t, linkTree(t))
	top := onDisk(t, root)
	dirRoot, err := os.OpenRoot(top)
	must(t, err)
	defer dirRoot.Close()
	for _, name := range linkNames {
		for _, follow := range []bool{true, false} {
			want := kernel(t, top, name, follow)
			for _, tree := range []RootFS{root, DirFS(dirRoot)} {
				if got := ours(tree, name, follow); got != want {
					t.Errorf("Resolve(%q, %v) in %T = %s, the kernel says %s", name, follow, tree, got, want)
				}
			}
		}
	}
}

// onDisk writes the directories, files and symlinks of a tree.
func onDisk(t *testing.T, x *Index) string {
	t.Helper()
	top := t.TempDir()
	for _, e := range x.Entries() {
		name := top + "/" + string(e.Path)
		var err error
		switch {
		case e.Path == ".":
		case e.Mode.IsDir():
			err = os.Mkdir(name, 0o755)
		case e.Mode&fs.ModeSymlink != 0:
			err = os.Symlink(e.Link, name)
		default:
			err = os.WriteFile(name, nil, 0o644)
		}
		must(t, err)
	}
	return top
}

// kernel is where the kernel finds name, or its error.
func kernel(t *testing.T, top, name string, follow bool) string {
	t.Helper()
	dir, err := unix.Open(top, unix.O_PATH|unix.O_DIRECTORY, 0)
	must(t, err)
	defer unix.Close(dir)
	flags := uint64(unix.O_PATH)
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{Flags: flags, Resolve: unix.RESOLVE_IN_ROOT})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		t.Skipf("openat2: %v", err)
	}
	if err != nil {
		return err.Error()
	}
	defer unix.Close(fd)
	real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	must(t, err)
	return string(CleanPath(strings.TrimPrefix(real, top)))
}

// ours is where Resolve finds name, or its error.
func ours(root RootFS, name string, follow bool) string {
	res, err := Resolve(root, ".", name, follow)
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case err != nil:
		return err.Error()
	case res.Missing:
		return syscall.ENOENT.Error()
	}
	return res.Path
}

func FuzzResolve(f *testing.F) {
	for _, name := range linkNames {
		f.Add(name, "lib/x", "../up/./lib", true)
		f.Add(name, "empty", "usr", false)
	}
	packed := linkTree(f)
	f.Fuzz(func(t *testing.T, name, from, to string, follow bool) {
		x := index(t, packed)
		if clean, err := insideName(from); err == nil {
			_ = x.put(clean, x.inode(Inode{Mode: fs.ModeSymlink, Link: to}), 0) // a tree that refuses is a tree without it
		}
		res, err := Resolve(x, ".", name, follow)
		if err != nil {
			return
		}
		if string(CleanPath(res.Path)) != res.Path || len(res.Hops) > maxHops {
			t.Fatalf("Resolve(%q) = %+v", name, res)
		}
		if x.find(res.Path) == nil && !res.Missing {
			t.Fatalf("Resolve(%q) = %+v, which does not exist", name, res)
		}
		for at := path.Dir(res.Path); at != "."; at = path.Dir(at) {
			if n := x.find(at); n != nil && !n.Mode.IsDir() {
				t.Fatalf("Resolve(%q) = %+v, but %q is no directory", name, res, at)
			}
		}
	})
}
