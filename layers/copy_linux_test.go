package layers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// dump is a directory as one sorted line a path.
func dump(t *testing.T, dir string) string {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var lines []string
	names := map[inode]string{}
	var walk func(name string)
	walk = func(name string) {
		info, err := root.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		stat := StatOf(info)
		line := fmt.Sprintf("%q %v %d:%d %d", name, info.Mode(), stat.UID, stat.GID, info.ModTime().Unix())
		if info.Mode().IsRegular() {
			line += fmt.Sprintf(" %d", info.Size())
			id := inode{stat.Dev, stat.Ino}
			if first, ok := names[id]; ok {
				line += " = " + first
			} else {
				names[id] = name
			}
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, _ := root.Readlink(name)
			line += " -> " + target
		}
		lines = append(lines, line)
		if info.IsDir() {
			entries, err := DirFS(root).ReadDir(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				walk(path.Join(name, entry.Name()))
			}
		}
	}
	walk(".")
	return strings.Join(lines, "\n")
}

func roots(t *testing.T) (src, dst *os.Root, srcDir, dstDir string) {
	t.Helper()
	srcDir, dstDir = t.TempDir(), t.TempDir()
	src, err := os.OpenRoot(srcDir)
	if err != nil {
		t.Fatal(err)
	}
	dst, err = os.OpenRoot(dstDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close(); dst.Close() })
	return src, dst, srcDir, dstDir
}

var odd = []string{"plain", "star*", "!bang", "new\nline", " blank ", "bad\xff\xfe", `back\slash`}

func TestCopyKeepsEverything(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("changes owners and makes device nodes: needs root")
	}
	defer unix.Umask(unix.Umask(0o077))
	src, dst, srcDir, dstDir := roots(t)
	must(t, src.Mkdir("d", 0o755))
	must(t, src.Mkdir("d/sticky", 0o755))
	items := []Item{{Path: "."}, {Path: "d/sticky"}}
	for _, name := range odd {
		must(t, src.WriteFile("d/"+name, []byte(name), 0o640))
		items = append(items, Item{Path: "d/" + name})
	}
	must(t, src.Link("d/plain", "d/second"))
	must(t, src.Symlink("/etc/shadow", "d/link"))
	must(t, unix.Mkfifo(srcDir+"/d/fifo", 0o600))
	must(t, unix.Mknod(srcDir+"/d/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	for _, name := range []string{"second", "link", "fifo", "null"} {
		items = append(items, Item{Path: "d/" + name})
	}
	must(t, os.Chown(srcDir+"/d/plain", 12, 34))
	must(t, os.Chmod(srcDir+"/d/plain", 0o755|fs.ModeSetuid))
	must(t, os.Lchown(srcDir+"/d/link", 5, 6))
	must(t, os.Chmod(srcDir+"/d/sticky", 0o777|fs.ModeSticky))
	must(t, os.Chmod(srcDir+"/d", 0o751))
	for i, name := range []string{"d/plain", "d/sticky", "d", "."} {
		must(t, os.Chtimes(srcDir+"/"+name, time.Unix(1000+int64(i), 5), time.Unix(1000+int64(i), 0)))
	}
	must(t, Copy(dst, src, items, CopyOptions{}))
	got, want := dump(t, dstDir), dump(t, srcDir)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copy (-source +copy):\n%s", diff)
	}
}

// D3: a link whose first name is not copied is still a file, and two links are still one.
func TestD3LinkWithoutItsFirstName(t *testing.T) {
	src, dst, _, dstDir := roots(t)
	must(t, src.WriteFile("a", []byte("x"), 0o644))
	must(t, src.Link("a", "b"))
	must(t, src.Link("a", "c"))
	must(t, Copy(dst, src, []Item{{Path: "b"}, {Path: "c"}}, CopyOptions{}))
	if got := dump(t, dstDir); !strings.Contains(got, `"c"`) || !strings.Contains(got, "= b") || strings.Contains(got, `"a"`) {
		t.Errorf("copy = %s, want b and c as one file", got)
	}
}

func TestCopySparse(t *testing.T) {
	src, dst, srcDir, dstDir := roots(t)
	must(t, src.WriteFile("s", []byte("head"), 0o644))
	must(t, os.Truncate(srcDir+"/s", 1<<30))
	must(t, Copy(dst, src, []Item{{Path: "s"}}, CopyOptions{}))
	var stat unix.Stat_t
	must(t, unix.Stat(dstDir+"/s", &stat))
	if stat.Size != 1<<30 || stat.Blocks > 1<<11 {
		t.Errorf("copy of a sparse file has %d bytes in %d blocks", stat.Size, stat.Blocks)
	}
}

func TestCopyChanges(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("changes owners: needs root")
	}
	src, dst, _, dstDir := roots(t)
	must(t, src.Mkdir("etc", 0o755))
	must(t, src.WriteFile("etc/passwd", []byte("old"), 0o644))
	must(t, src.WriteFile("su", []byte("x"), 0o755))
	uid, mode, dirMode := uint32(65532), uint32(0o755), uint32(0o700)
	must(t, Copy(dst, src, []Item{
		{Path: "etc/passwd", Content: []byte("newer"), HasContent: true},
		{Path: "su", Mode: &mode, UID: &uid},
		{Path: "home/nonroot", New: true, Kind: "dir", UID: &uid, GID: &uid, Mode: &dirMode},
		{Path: "home", New: true, Kind: "dir"},
		{Path: "l", New: true, Kind: "symlink", Link: "su"},
	}, CopyOptions{Epoch: 77}))
	got := dump(t, dstDir)
	for _, want := range []string{`"etc/passwd" -rw-r--r-- 0:0 77 5`, `"su" -rwxr-xr-x 65532:0`, `"home/nonroot" drwx------ 65532:65532 77`,
		`"home" drwxr-xr-x 0:0 77`, "-> su"} {
		if !strings.Contains(got, want) {
			t.Errorf("copy has no %s:\n%s", want, got)
		}
	}
}

// Whatever lies in dst, nothing outside of it is written.
func TestCopyFollowsNoLink(t *testing.T) {
	src, dst, _, dstDir := roots(t)
	outside := t.TempDir()
	must(t, src.Mkdir("d", 0o755))
	must(t, src.WriteFile("d/f", []byte("x"), 0o644))
	must(t, os.Symlink(outside, dstDir+"/d"))
	if err := Copy(dst, src, []Item{{Path: "d/f"}}, CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("%v was written through a link", entries)
	}
}

// D1: a symlink that is copied before its directory's turn makes no directory that is wider than the image's, whatever the umask.
func TestD1DirectoriesKeepTheirModes(t *testing.T) {
	for _, umask := range []int{0, 0o077} {
		src, dst, srcDir, dstDir := roots(t)
		must(t, src.MkdirAll("usr/lib/private", 0o755))
		must(t, src.Symlink("../lib", "usr/lib/private/link"))
		must(t, os.Chmod(srcDir+"/usr/lib/private", 0o700))
		must(t, os.Chmod(srcDir+"/usr", 0o751))
		old := unix.Umask(umask)
		err := Copy(dst, src, []Item{{Path: "usr/lib/private/link"}, {Path: "."}}, CopyOptions{})
		unix.Umask(old)
		must(t, err)
		if diff := cmp.Diff(dump(t, srcDir), dump(t, dstDir)); diff != "" {
			t.Errorf("umask %03o: copy (-source +copy):\n%s", umask, diff)
		}
	}
}

// A second layer that adds entries to a directory leaves it as the first layer made it.
func TestCopySecondLayer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("changes owners: needs root")
	}
	src, dst, srcDir, dstDir := roots(t)
	must(t, src.MkdirAll("var/cache", 0o755))
	must(t, src.WriteFile("var/cache/a", nil, 0o644))
	must(t, src.WriteFile("var/cache/b", nil, 0o644))
	must(t, os.Chtimes(srcDir+"/var/cache", time.Unix(99, 0), time.Unix(99, 0)))
	id := uint32(65532)
	cache := Item{Path: "var/cache", UID: &id, GID: &id}
	must(t, Copy(dst, src, []Item{cache, {Path: "var/cache/a"}, {Path: "new", New: true, Kind: "dir", UID: &id}}, CopyOptions{Epoch: 5}))
	opt := CopyOptions{Epoch: 5, Dirs: map[string]Item{"var/cache": cache, "new": {Path: "new", New: true, Kind: "dir", UID: &id}}}
	must(t, Copy(dst, src, []Item{{Path: "var/cache/b"}, {Path: "new/x", New: true, Kind: "file"}}, opt))
	got := dump(t, dstDir)
	for _, want := range []string{`"var/cache" drwxr-xr-x 65532:65532 99`, `"var/cache/b"`, `"new" drwxr-xr-x 65532:0 5`,
		`"new/x" -rw-r--r-- 0:0 5`} {
		if !strings.Contains(got, want) {
			t.Errorf("copy has no %s:\n%s", want, got)
		}
	}
}

func TestCopyRefuses(t *testing.T) {
	src, dst, _, _ := roots(t)
	must(t, src.WriteFile("file", nil, 0o644))
	must(t, src.Symlink("/", "link"))
	for _, item := range []Item{
		{Path: "../x"}, {Path: "/x"}, {Path: ""}, {Path: "a/../file"}, {Path: "missing"}, {Path: "file/x"}, {Path: "link/etc"},
		{Path: "link", HasContent: true}, {Path: "x", New: true, Kind: "device"}, {Path: "no/parent", New: true, Kind: "file"},
	} {
		if err := Copy(dst, src, []Item{item}, CopyOptions{}); err == nil {
			t.Errorf("Copy(%+v) has no error", item)
		}
	}
}

func TestCopyCapability(t *testing.T) {
	src, dst, srcDir, dstDir := roots(t)
	must(t, src.WriteFile("ping", []byte("x"), 0o755))
	// CAP_NET_RAW, permitted and effective, version 2 (linux/capability.h).
	value := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(srcDir+"/ping", capability, value, 0); err != nil {
		t.Skipf("setting a file capability: %v", err)
	}
	netRaw := &FileCapabilities{Permitted: 1 << unix.CAP_NET_RAW, Effective: true}
	if set, err := Capabilities(DirFS(src), "ping"); err != nil || !cmp.Equal(set, netRaw) {
		t.Errorf("Capabilities = %+v, %v, want %+v", set, err, netRaw)
	}
	must(t, Copy(dst, src, []Item{{Path: "ping", NoCapability: true}}, CopyOptions{}))
	if set, err := Capabilities(DirFS(dst), "ping"); err != nil || set != nil {
		t.Errorf("Capabilities of a copy without = %+v, %v, want none", set, err)
	}
	must(t, Copy(dst, src, []Item{{Path: "ping"}}, CopyOptions{}))
	got := make([]byte, 64)
	n, err := unix.Getxattr(dstDir+"/ping", capability, got)
	if err != nil || !bytes.Equal(got[:n], value) {
		t.Errorf("capability = %x, %v, want %x", got[:max(n, 0)], err, value)
	}
}

func TestParseCapabilities(t *testing.T) {
	words := func(list ...uint32) (value []byte) {
		for _, word := range list {
			value = binary.LittleEndian.AppendUint32(value, word)
		}
		return value
	}
	for _, test := range []struct {
		name  string
		value []byte
		want  *FileCapabilities
		err   bool
	}{
		{"none", nil, nil, false},
		{"revision 1", words(1<<24, 1, 2), &FileCapabilities{Permitted: 1, Inheritable: 2}, false},
		{"revision 2", words(2<<24|1, 1, 2, 4, 8), &FileCapabilities{Permitted: 1 | 4<<32, Inheritable: 2 | 8<<32, Effective: true}, false},
		{"revision 3 has the root of a user namespace", words(3<<24, 1, 0, 0, 0, 1000), &FileCapabilities{Permitted: 1}, false},
		{"too short", words(2<<24, 1), nil, true},
		{"an unknown revision", words(9<<24, 1, 0, 0, 0), nil, true},
	} {
		got, err := parseCapabilities(test.value)
		if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.err {
			t.Errorf("%s: parseCapabilities(%x) = %v, (-want +got):\n%s", test.name, test.value, err, diff)
		}
	}
}
