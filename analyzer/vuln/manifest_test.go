package vuln

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/layers/layerstest"
)

// languages is an image with packages of languages: an application of Node.js with a direct and a transitive dependency, a global npm
// package, Python, Ruby and PHP, and a Python package that the distribution brings.
const languages = `
-- srv/app/package.json --
{"name": "app", "version": "1.0.0", "dependencies": {"express": "4"}}
-- srv/app/node_modules/express/package.json --
{"name": "express", "version": "4.17.1", "dependencies": {"qs": "6"}}
-- srv/app/node_modules/qs/package.json --
{"name": "qs", "version": "6.7.0"}
-- opt/bare/package.json --
{"type": "module"}
-- opt/bare/node_modules/ms/package.json --
{"name": "ms", "version": "0.7.0"}
-- usr/local/lib/node_modules/npm/package.json --
{"name": "npm", "version": "10.0.0", "dependencies": {"tar": "6"}}
-- usr/local/lib/node_modules/npm/node_modules/tar/package.json --
{"name": "tar", "version": "6.0.0"}
-- venv/lib/python3.12/site-packages/flask-2.0.dist-info/METADATA --
Name: Flask
Version: 2.0
Requires-Dist: werkzeug (>=2.0)

-- venv/lib/python3.12/site-packages/werkzeug-2.0.dist-info/METADATA --
Name: Werkzeug
Version: 2.0

-- usr/lib/python3/dist-packages/urllib3-1.0.dist-info/METADATA --
Name: urllib3
Version: 1.0

-- var/lib/dpkg/status --
Package: python3-urllib3
Status: install ok installed
Version: 1.0-1
Architecture: all

-- var/lib/dpkg/info/python3-urllib3.list --
/usr/lib/python3/dist-packages/urllib3-1.0.dist-info/METADATA
-- etc/os-release --
ID=debian
VERSION_ID="12"
-- usr/local/bundle/specifications/rack-2.0.gemspec --
# stub: rack 2.0 ruby lib
-- var/www/vendor/composer/installed.json --
{"packages": [{"name": "a/b", "version": "1.0", "require": {"c/d": "*"}}, {"name": "c/d", "version": "3.0"}]}
-- srv/net/app.deps.json --
{"runtimeTarget": {"name": "x"}, "targets": {"x": {}}, "libraries": {"Json/1.0.0": {"type": "package"}}}
`

// TestFix says for each finding which manifest to edit.
func TestFix(t *testing.T) {
	index, err := layerstest.TreeFromTxtar([]byte(languages))
	if err != nil {
		t.Fatal(err)
	}
	document, err := sbom.Read(t.Context(), index, sbom.Options{})
	if err != nil {
		t.Fatal(err)
	}
	image, _ := FromInventory(document.Inventory())
	// Programs are not in the text: of one that was built of an application's module, and of one that was published.
	program := func(purl string, locations ...string) Package {
		pkg, err := FromPurl(purl)
		if err != nil {
			t.Fatal(err)
		}
		pkg.Locations = locations
		return pkg
	}
	image.Applications = append(image.Applications, program("pkg:golang/example.com/team/app", "usr/bin/app"))
	net, std := program("pkg:golang/golang.org/x/net@v0.16.0", "usr/bin/app"), program("pkg:golang/stdlib@1.22.1", "usr/bin/app", "usr/bin/b")
	image.Packages = append(image.Packages, net, std, program("pkg:cargo/tokio@1.0.0", "usr/bin/r"),
		program("pkg:maven/org.x/y@1.0", "srv/app.jar!/BOOT-INF/lib/y.jar"))
	image.Needs["pkg:golang/example.com/team/app"] = []string{net.Purl, std.Purl}
	relations := newRelations(image, nil)
	got := map[string]string{}
	for _, pkg := range image.Packages {
		d := Decision{Finding: Finding{ID: "CVE-1", Package: pkg, Fixed: "99.0"}}
		how := ""
		d.Manifest, d.Through, how = relations.fix(&d.Finding)
		d.advise(how)
		if text := d.Text + " | " + strings.Join(d.Through, " > "); d.Manifest == "" || strings.Contains(d.Text, d.Manifest) {
			got[pkg.Name] = text
		}
	}
	want := map[string]string{
		"app":     "edit /srv/app/package.json: app 1.0.0 to 99.0 | ",
		"express": "edit /srv/app/package.json: express 4.17.1 to 99.0 | app 1.0.0",
		"qs":      "edit /srv/app/package.json: qs 6.7.0 to 99.0, which express 4.17.1 brings | app 1.0.0 > express 4.17.1",
		"ms":      "edit /opt/bare/package.json: ms 0.7.0 to 99.0 | ",
		"npm":     "install npm 99.0 as a global package of Node.js: it is 10.0.0 | ",
		"tar":     "install a later npm as a global package of Node.js: it brings tar 6.0.0, fixed in 99.0 | npm 10.0.0",
		"flask":   "edit requirements.txt or pyproject.toml of /venv/lib/python3.12/site-packages: flask 2.0 to 99.0 | ",
		"werkzeug": "edit requirements.txt or pyproject.toml of /venv/lib/python3.12/site-packages: werkzeug 2.0 to 99.0, " +
			"which flask 2.0 brings | flask 2.0",
		"urllib3":         "update the package python3-urllib3: it has urllib3 1.0, fixed in 99.0 | ",
		"python3-urllib3": "update python3-urllib3 to 99.0 | ",
		"rack":            "edit the Gemfile of /usr/local/bundle: rack 2.0 to 99.0 | ",
		"a/b":             "edit /var/www/composer.json: a/b 1.0 to 99.0 | ",
		"c/d":             "edit /var/www/composer.json: c/d 3.0 to 99.0, which a/b 1.0 brings | a/b 1.0",
		"Json":            "edit the project of /srv/net/app.deps.json: Json 1.0.0 to 99.0 | ",
		"golang.org/x/net": "edit go.mod of example.com/team/app: golang.org/x/net v0.16.0 to v99.0; " +
			"then rebuild /usr/bin/app | example.com/team/app",
		"stdlib":  "rebuild /usr/bin/app, /usr/bin/b with Go 99.0 or later: it was built with 1.22.1 | example.com/team/app",
		"tokio":   "edit Cargo.toml: tokio 1.0.0 to 99.0; then rebuild /usr/bin/r | ",
		"org.x:y": "edit pom.xml or build.gradle of /srv/app.jar: org.x:y 1.0 to 99.0 | ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestThroughCycle: packages that need each other, and what does not exist, end the search.
func TestThroughCycle(t *testing.T) {
	pkg := func(name string) Package { return Package{Ecosystem: "PyPI", Name: name, Purl: name} }
	image := Subject{Packages: []Package{pkg("a"), pkg("b"), pkg("c")},
		Needs: map[string][]string{"a": {"b", "a"}, "b": {"a", "c"}, "none": {"a"}}}
	relations := newRelations(image, &Subject{Packages: image.Packages[:1], Needs: map[string][]string{"a": {"b"}}})
	for i := range image.Packages {
		if chain := relations.through(&image.Packages[i]); len(chain) != 0 {
			t.Errorf("through(%s) = %v, want nothing", image.Packages[i].Name, chain)
		}
	}
}
