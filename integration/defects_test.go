//go:build e2e

package integration

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The defects measured in the incumbent, one test each, by their numbers. D9 (slow trace) is in analyzer/trace, D10 (quadratic scan)
// in analyzer; their times are benchmarks here.

// entry is one tar header and its content.
type entry struct {
	tar.Header
	data []byte
}

func file(name, data string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}, []byte(data)}
}

func dir(name string, mode int64, uid, gid int) entry {
	return entry{tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: mode, Uid: uid, Gid: gid}, nil}
}

// doImage is the test program with more files, running the given operations.
func doImage(t *testing.T, name string, config v1.Config, entries []entry, operations ...string) string {
	t.Helper()
	program, err := serverProgram()
	if err != nil {
		t.Fatal(err)
	}
	all := append([]entry{{tar.Header{Name: "server", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))}, program}}, entries...)
	img, err := mutate.AppendLayers(empty.Image, entriesLayer(t, all))
	if err != nil {
		t.Fatal(err)
	}
	config.Entrypoint, config.Cmd = []string{"/server", "do"}, operations
	return addToLayout(t, name, img, config)
}

func entriesLayer(t *testing.T, entries []entry) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// tree is what an image holds: one header for each path, and the sizes of regular files.
func tree(t testing.TB, img v1.Image) map[string]*tar.Header {
	t.Helper()
	found := map[string]*tar.Header{}
	all, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range all {
		r, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		archive := tar.NewReader(r)
		for {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			found[path.Clean("/"+header.Name)] = header
		}
		r.Close()
	}
	return found
}

func has(t testing.TB, img v1.Image, want ...string) {
	t.Helper()
	found := tree(t, img)
	for _, name := range want {
		if found[name] == nil {
			t.Errorf("%s is not in the slim image", name)
		}
	}
}

func lacks(t testing.TB, img v1.Image, unwanted ...string) {
	t.Helper()
	found := tree(t, img)
	for _, name := range unwanted {
		if found[name] != nil {
			t.Errorf("%s is in the slim image", name)
		}
	}
}

func TestD1DirectoriesKeepTheirModes(t *testing.T) {
	a := loadApp(t, "nginx")
	_, img := built(t, a.ref)
	for name, header := range tree(t, img) {
		if header.Typeflag == tar.TypeDir && header.Mode&0o002 != 0 && header.Mode&0o1000 == 0 {
			t.Errorf("%s is world-writable: mode %o", name, header.Mode)
		}
		if header.Typeflag == tar.TypeReg && header.Mode&0o6000 != 0 {
			t.Errorf("%s is setuid or setgid: mode %o", name, header.Mode)
		}
	}
}

func TestD2SameInputSameDigest(t *testing.T) { TestSameInputSameDigest(t) }

func TestD3HardLinksStayLinks(t *testing.T) {
	entries := []entry{dir("data", 0o755, 0, 0), file("data/link0", strings.Repeat("x", 5<<20))}
	for i := 1; i <= 20; i++ {
		entries = append(entries, entry{tar.Header{Name: fmt.Sprintf("data/link%d", i), Typeflag: tar.TypeLink, Linkname: "data/link0",
			Mode: 0o644}, nil})
	}
	result, img := built(t, doImage(t, "d3", v1.Config{}, entries, "open:/data/link7"))
	var size int64
	for _, header := range tree(t, img) {
		if header.Typeflag == tar.TypeReg {
			size += header.Size
		}
	}
	if size > 12<<20 {
		t.Errorf("the layers hold %d bytes, want the 5 MiB file once", size)
	}
	if result.SizeAfter > result.SizeBefore+4096 { // it gains a passwd file
		t.Errorf("slim is larger: %d > %d", result.SizeAfter, result.SizeBefore)
	}
	has(t, img, "/data/link7", "/data/link20")
}

// observed keeps only the paths in the evidence, so that a defect really loses files.
var observed = []string{"--keep", "observed"}

func TestD4PathsThatAreAPrefixOfAnother(t *testing.T) {
	names := []string{"config", "config.local", "libz.so", "libz.so.1", "data", "data.json"}
	entries := []entry{dir("opt", 0o755, 0, 0)}
	var operations, want []string
	for _, name := range names {
		entries = append(entries, file("opt/"+name, name))
		operations = append(operations, "stat:/opt/"+name)
		want = append(want, "/opt/"+name)
	}
	_, img := built(t, doImage(t, "d4", v1.Config{}, entries, operations...), observed...)
	has(t, img, want...)
}

func TestD5Faccessat2(t *testing.T) {
	_, img := built(t, doImage(t, "d5", v1.Config{}, []entry{dir("opt", 0o755, 0, 0), file("opt/a", "a"), file("opt/b", "b")},
		"faccessat2:/opt/a"), observed...)
	has(t, img, "/opt/a")
	lacks(t, img, "/opt/b")
}

func TestD6RelativeAccess(t *testing.T) {
	_, img := built(t, doImage(t, "d6", v1.Config{WorkingDir: "/opt"}, []entry{dir("opt", 0o755, 0, 0), dir("opt/in", 0o755, 0, 0),
		file("opt/a", "a"), file("opt/in/b", "b")},
		"access:a", "chdir:in", "access:b"), observed...)
	has(t, img, "/opt/a", "/opt/in/b")
}

func TestD7ListedDirectories(t *testing.T) {
	result, img := built(t, doImage(t, "d7", v1.Config{}, []entry{dir("spool", 0o1777, 0, 0), dir("cache", 0o750, 33, 33),
		dir("list", 0o755, 0, 0), file("list/a", "a"), file("list/b", "b")},
		"list:/list", "list:/spool", "stat:/cache"), append(observed, "--user", "root")...)
	has(t, img, "/spool", "/cache", "/list", "/list/a", "/list/b")
	if header := tree(t, img)["/cache"]; header != nil && (header.Mode != 0o750 || header.Uid != 33) {
		t.Errorf("/cache is %o of %d, want 750 of 33", header.Mode, header.Uid)
	}
	if !result.Verdict.OK {
		t.Errorf("verdict = %+v", result.Verdict)
	}
}

func TestD8NothingIsLostAtExit(t *testing.T) {
	entries := []entry{dir("many", 0o755, 0, 0)}
	var want []string
	for i := range 6000 {
		name := fmt.Sprintf("many/%d", i)
		entries = append(entries, file(name, "x"))
		want = append(want, "/"+name)
	}
	_, img := built(t, doImage(t, "d8", v1.Config{}, entries, "openall:/many"), observed...)
	has(t, img, want...)
}

func TestD11IncludeWorksOrSaysWhy(t *testing.T) {
	a := loadApp(t, "nginx")
	_, img := built(t, a.ref, "--include-shell", "--include-exe", "sed")
	has(t, img, "/usr/bin/dash", "/usr/bin/sed")
	refused(t, 1, "no-such-program", a.ref, "--include-exe", "no-such-program")
	refused(t, 1, "/no/such/*", a.ref, "--include", "/no/such/*")
}

func TestD12NumericUser(t *testing.T) {
	entries := []entry{dir("data", 0o700, 10001, 10001), file("data/a", "a")}
	entries[1].Uid, entries[1].Gid, entries[1].Mode = 10001, 10001, 0o600
	result, img := built(t, doImage(t, "d12", v1.Config{User: "10001:10001"}, entries, "id:", "open:/data/a"), observed...)
	if got := string(result.Evidence.Runs[0].Answers[0].Body); !strings.Contains(got, "10001:10001") || !strings.Contains(got,
		"open:/data/a true") {
		t.Errorf("the program said %q, want it to run as 10001:10001 and read its file", got)
	}
	if header := tree(t, img)["/data/a"]; header == nil || header.Uid != 10001 {
		t.Errorf("/data/a = %+v, want it kept and owned by 10001", header)
	}
	if result.Config.User != "10001:10001" {
		t.Errorf("user = %q, want 10001:10001", result.Config.User)
	}
}

func TestD13NothingOfTheRunIsBakedIn(t *testing.T) {
	entries := []entry{dir("data", 0o755, 0, 0), file("data/log", "first\n"), dir("tmp", 0o1777, 0, 0)}
	_, img := built(t, doImage(t, "d13", v1.Config{}, entries, "append:/data/log", "append:/data/access.log", "append:/tmp/session-token"))
	lacks(t, img, "/data/access.log", "/tmp/session-token")
	if header := tree(t, img)["/data/log"]; header == nil || header.Size != int64(len("first\n")) {
		t.Errorf("/data/log = %+v, want the image's own 6 bytes", header)
	}
}

func TestD14PackageRecordsAndIdentity(t *testing.T) {
	a := loadApp(t, "nginx")
	result, img := built(t, a.ref)
	has(t, img, "/etc/debian_version", "/usr/lib/os-release", "/var/lib/dpkg/status.d/libc6", "/usr/share/doc/libc6/copyright")
	lacks(t, img, "/var/lib/dpkg/status.d/apt", "/usr/bin/apt")
	if len(result.Plan.Packages) == 0 {
		t.Error("the plan lists no packages")
	}
}

func TestD15KindsAreRecorded(t *testing.T) {
	entries := []entry{dir("data", 0o755, 0, 0), file("data/a", "a"), {tar.Header{Name: "data/l", Typeflag: tar.TypeSymlink, Linkname: "a"},
		nil}}
	result, _ := built(t, doImage(t, "d15", v1.Config{}, entries, "open:/data/l"))
	kinds := map[string]string{}
	for _, f := range result.Plan.Files {
		kinds[f.Path.String()] = f.Kind
	}
	if kinds["/data"] != "dir" || kinds["/data/a"] != "file" || kinds["/data/l"] != "symlink" {
		t.Errorf("kinds = %v", kinds)
	}
}
