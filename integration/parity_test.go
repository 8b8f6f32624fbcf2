//go:build e2e

package integration

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/os/apk"
	"github.com/google/osv-scalibr/extractor/filesystem/os/dpkg"
	"github.com/google/osv-scalibr/extractor/filesystem/os/rpm"
	scalibrfs "github.com/google/osv-scalibr/fs"
	"github.com/google/osv-scalibr/inventory"
	"github.com/google/osv-scalibr/stats"

	"github.com/slimimage/slim/analyzer/packages/rpmdb/rpmtest"
)

// TestPackageParity: the packages with at least one kept file are the packages that readers which are not slim's find in the slim image,
// and those of its bill of materials.
func TestPackageParity(t *testing.T) {
	for name, system := range map[string]func(*testing.T) []entry{"dpkg": dpkgSystem, "distroless": distrolessSystem, "apk": apkSystem,
		"rpm": rpmSystem} {
		t.Run(name, func(t *testing.T) {
			result, img := built(t, doImage(t, "parity-"+name, v1.Config{}, system(t), "open:/usr/lib/kept.txt", "open:/usr/lib/also.txt"))
			want := []string{"libalso", "libkept"}
			root := unpack(t, img)
			if diff := cmp.Diff(want, independent(t, root)); diff != "" {
				t.Errorf("osv-scalibr (-want +got):\n%s", diff)
			}
			if name == "dpkg" || name == "distroless" {
				if diff := cmp.Diff(want, dpkgQuery(t, root)); diff != "" {
					t.Errorf("dpkg-query (-want +got):\n%s", diff)
				}
			}
			var own []string
			for _, pkg := range result.Plan.Packages {
				own = append(own, pkg.Name)
			}
			if diff := cmp.Diff(want, own); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, listed(t, img)); diff != "" {
				t.Errorf("slim sbom (-want +got):\n%s", diff)
			}
		})
	}
}

// parityFiles are the packages' files.
var parityFiles = map[string]string{"libkept": "usr/lib/kept.txt", "libalso": "usr/lib/also.txt", "libgone": "usr/lib/gone.txt",
	"libidle": "usr/lib/idle.txt"}

func dpkgSystem(*testing.T) []entry { return debianFiles(parityFiles) }

// systemFiles are the packages' files and what says which distribution it is.
func systemFiles(id string) []entry {
	list := []entry{dir("etc", 0o755, 0, 0), dir("usr", 0o755, 0, 0), dir("usr/lib", 0o755, 0, 0), file("etc/os-release", id)}
	for _, name := range slices.Sorted(keysOf(parityFiles)) {
		list = append(list, file(parityFiles[name], name+"\n"))
	}
	return list
}

func distrolessSystem(*testing.T) []entry {
	list := append(systemFiles("ID=debian\nVERSION_ID=12\n"), file("etc/debian_version", "12.5\n"), dir("var/lib/dpkg/status.d", 0o755, 0, 0))
	for name, place := range parityFiles {
		list = append(list, file("var/lib/dpkg/status.d/"+name,
			"Package: "+name+"\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: Somebody <s@example.com>\nDescription: a test\n"),
			file("var/lib/dpkg/status.d/"+name+".md5sums", strings.Repeat("0", 32)+"  "+place+"\n"))
	}
	return list
}

func apkSystem(*testing.T) []entry {
	var installed strings.Builder
	for _, name := range slices.Sorted(keysOf(parityFiles)) {
		fmt.Fprintf(&installed, "P:%s\nV:1.0-r0\nA:x86_64\nL:MIT\no:%s\nF:usr\nF:usr/lib\nR:%s\nZ:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\n\n", name, name,
			filepath.Base(parityFiles[name]))
	}
	return append(systemFiles("ID=alpine\nVERSION_ID=3.20.1\n"), file("etc/alpine-release", "3.20.1\n"), dir("lib/apk/db", 0o755, 0, 0),
		file("lib/apk/db/installed", installed.String()))
}

func rpmSystem(t *testing.T) []entry {
	var headers [][]byte
	for _, name := range slices.Sorted(keysOf(parityFiles)) {
		headers = append(headers, rpmtest.Header(name, "/usr/lib/", "/"+parityFiles[name]))
	}
	database, err := rpmtest.Database(headers...)
	if err != nil {
		t.Fatal(err)
	}
	return append(systemFiles("ID=rocky\nVERSION_ID=9.4\n"), file("etc/rocky-release", "Rocky Linux release 9.4\n"),
		dir("var/lib/rpm", 0o755, 0, 0), file("var/lib/rpm/rpmdb.sqlite", string(database)))
}

// unpack writes the regular files and directories of an image into a directory.
func unpack(t *testing.T, img v1.Image) string {
	t.Helper()
	root := t.TempDir()
	flat := mutate.Extract(img)
	defer flat.Close()
	for r := tar.NewReader(flat); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(root, filepath.Clean("/"+header.Name))
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, 0o755)
		case tar.TypeReg:
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, header.FileInfo().Mode().Perm()|0o600))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// extractorOf makes a reader of osv-scalibr.
type extractorOf = func(*cpb.PluginConfig) (filesystem.Extractor, error)

// systemExtractors read the packages of distributions.
var systemExtractors = []extractorOf{dpkg.New, apk.New, rpm.New}

// scalibr is what osv-scalibr finds below a directory.
func scalibr(t testing.TB, root string, readers ...extractorOf) inventory.Inventory {
	t.Helper()
	var extractors []filesystem.Extractor
	for _, reader := range readers {
		e, err := reader(&cpb.PluginConfig{})
		if err != nil {
			t.Fatal(err)
		}
		extractors = append(extractors, e)
	}
	found, _, err := filesystem.Run(t.Context(), &filesystem.Config{Extractors: extractors, ScanRoots: scalibrfs.RealFSScanRoots(root),
		Stats: stats.NoopCollector{}})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// independent are the names of the packages that osv-scalibr finds below a directory, sorted.
func independent(t *testing.T, root string) []string {
	t.Helper()
	names := map[string]bool{}
	for _, pkg := range scalibr(t, root, systemExtractors...).Packages {
		names[pkg.Name] = true
	}
	return slices.Sorted(keysOf(names))
}

// dpkgQuery asks Debian's own tool. It does not read status.d, so its database is made of the records there as dpkg writes them: one file,
// each stanza with the state that the distroless form leaves out.
func dpkgQuery(t *testing.T, root string) []string {
	t.Helper()
	stanzas, err := filepath.Glob(filepath.Join(root, "var/lib/dpkg/status.d/*"))
	if err != nil {
		t.Fatal(err)
	}
	var status strings.Builder
	for _, name := range stanzas {
		if !strings.HasSuffix(name, ".md5sums") {
			status.WriteString(strings.TrimRight(string(mustRead(t, name)), "\n") + "\nStatus: install ok installed\n\n")
		}
	}
	admin := t.TempDir()
	for _, dir := range []string{"info", "updates"} {
		if err := os.Mkdir(filepath.Join(admin, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(admin, "status"), []byte(status.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("dpkg-query", "--admindir", admin, "--show", "--showformat", "${Package}\n").CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg-query: %v\n%s", err, out)
	}
	names := strings.Fields(string(out))
	slices.Sort(names)
	return names
}

// listed are the distribution's packages in the bill of materials of an image.
func listed(t *testing.T, img v1.Image) []string {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var bom struct{ Components []struct{ Name, Purl string } }
	decode(t, mustSlim(t, "sbom", addToLayout(t, "parity-slim", img, config.Config)).stdout, &bom)
	var names []string
	for _, c := range bom.Components {
		for _, kind := range []string{"pkg:deb/", "pkg:apk/", "pkg:rpm/"} {
			if strings.HasPrefix(c.Purl, kind) {
				names = append(names, c.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}
