package sbom_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gobinary"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagejson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
	"github.com/google/osv-scalibr/extractor/filesystem/os/apk"
	"github.com/google/osv-scalibr/extractor/filesystem/os/dpkg"
	scalibrfs "github.com/google/osv-scalibr/fs"
	"github.com/google/osv-scalibr/stats"
	"github.com/package-url/packageurl-go"

	"github.com/slimimage/slim/analyzer/sbom"
)

// oracle is what osv-scalibr finds below a directory: TYPE NAMESPACE/NAME VERSION, sorted.
func oracle(t *testing.T, dir string) []string {
	t.Helper()
	var extractors []filesystem.Extractor
	for _, make := range []func(*cpb.PluginConfig) (filesystem.Extractor, error){
		dpkg.New, apk.New, wheelegg.New, packagejson.New, archive.New, gobinary.New,
	} {
		extractor, err := make(&cpb.PluginConfig{})
		if err != nil {
			t.Fatal(err)
		}
		extractors = append(extractors, extractor)
	}
	found, statuses, err := filesystem.Run(t.Context(), &filesystem.Config{
		Extractors: extractors, ScanRoots: scalibrfs.RealFSScanRoots(dir), Stats: stats.NoopCollector{},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range statuses {
		t.Logf("%s: %v", status.Name, status.Status)
	}
	set := map[string]bool{}
	for _, pkg := range found.Packages {
		if p := pkg.PURL(); p != nil {
			set[identity(p.String())] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// identity is a package URL without qualifiers, in which generators differ, in the normal form.
func identity(purl string) string {
	p, err := packageurl.FromString(purl)
	if err != nil {
		return purl
	}
	if p.Type == "pypi" {
		p.Name = strings.NewReplacer("_", "-", ".", "-").Replace(p.Name)
	}
	if p.Type == "golang" && p.Name == "go" {
		p.Name = "stdlib" // as OSV and syft call it
	}
	return strings.TrimSuffix(p.Type+" "+p.Namespace+"/"+p.Name+" "+strings.TrimPrefix(p.Version, "v"), " ")
}

// TestScalibr compares with an independent reader: the same packages of the same files.
func TestScalibr(t *testing.T) {
	// Of Java only what Maven has built: of other archives both guess, each in its way.
	content := map[string][]byte{"usr/bin/gotool": goProgram(strings.ReplaceAll(modules, "./local\t", "example.org/fork\tv1")),
		"usr/bin/plain": elfWith(".other", []byte("x"))}
	content["app/core-1.2.jar"] = javaTree(t)["app/lib/core-1.2.jar"]
	content["app/outer.jar"] = jar(t, "META-INF/maven/o/outer/pom.properties", pom("o", "outer", "1"), "lib/i.jar",
		string(jar(t, "META-INF/maven/i/inner/pom.properties", pom("i", "inner", "2"))))
	for _, test := range []struct{ name, tree string }{
		{"debian", mixed + pythonTree + `
-- app/node_modules/@s/c/package.json --
{"name": "@s/c", "version": "3.0.0"}
-- app/node_modules/@s/c/cjs/package.json --
{"type": "commonjs"}
`},
		{"distroless", release + `
-- var/lib/dpkg/status.d/libgcc-s1 --
Package: libgcc-s1
Version: 12.2.0-14
Architecture: amd64
-- var/lib/dpkg/status.d/libgcc-s1.md5sums --
0123  usr/lib/libgcc_s.so.1
`},
		{"alpine", `
-- etc/os-release --
ID=alpine
VERSION_ID=3.19.1
-- lib/apk/db/installed --
P:busybox
V:1.36.1-r15
A:x86_64
L:GPL-2.0-only
o:busybox

P:libcrypto3
V:3.1.4-r5
A:x86_64
o:openssl

`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, root := writeFiles(t, content, test.tree)
			var got []string
			for _, pkg := range read(t, root, sbom.Options{}).Packages {
				got = append(got, identity(pkg.Purl))
			}
			slices.Sort(got)
			if diff := cmp.Diff(oracle(t, dir), got); diff != "" {
				t.Errorf("packages (-scalibr +slim):\n%s", diff)
			}
		})
	}
}

const pythonTree = `
-- usr/lib/python3/site-packages/Flask_X-2.0.dist-info/METADATA --
Metadata-Version: 2.1
Name: Flask_X
Version: 2.0
Requires-Dist: werk

-- usr/lib/python3/site-packages/werk.egg-info/PKG-INFO --
Metadata-Version: 1.0
Name: werk
Version: 1.5

`
