package sbom_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/layerstest"
)

// tree makes a root of a txtar archive.
func tree(t testing.TB, archive string) layers.RootFS {
	t.Helper()
	root, err := layerstest.TreeFromTxtar([]byte(archive))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func read(t testing.TB, root layers.RootFS, opt sbom.Options) *sbom.Document {
	t.Helper()
	doc, err := sbom.Read(t.Context(), root, opt)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return doc
}

// lines is one line for each package: its URL, what it depends on by name, licences and supplier.
func lines(doc *sbom.Document) []string {
	names := map[string]string{}
	for _, pkg := range doc.Packages {
		names[pkg.Ref] = pkg.Name
	}
	var list []string
	for _, pkg := range doc.Packages {
		line := pkg.Purl
		for _, on := range pkg.Depends {
			line += " +" + names[on]
		}
		for _, license := range pkg.Licenses {
			line += " [" + license + "]"
		}
		if pkg.Supplier != "" {
			line += " by " + pkg.Supplier
		}
		list = append(list, line)
	}
	return list
}

// owned is one line for each file that a package accounts for.
func owned(doc *sbom.Document) []string {
	var list []string
	for _, f := range doc.Files {
		if f.Owner != "" {
			name, _, _ := strings.Cut(strings.TrimPrefix(f.Owner, "pkg:"), "@")
			list = append(list, fmt.Sprintf("%s %s", f.Path, name))
		}
	}
	return list
}

const release = `
-- etc/os-release --
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
ID=debian
VERSION_ID="12"
`

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name, tree          string
		want, owned, doubts []string
	}{
		{
			name: "dpkg",
			tree: release + `
-- var/lib/dpkg/status --
Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.15-1~deb12u1
Source: openssl
Depends: libc6 (>= 2.34)
Maintainer: Debian OpenSSL Team <openssl@example.org>

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u1
Source: glibc (2.36-9)
Depends: libgone

Package: gone
Status: deinstall ok config-files
Version: 1
-- var/lib/dpkg/info/libssl3:amd64.list --
/usr/lib/libssl.so.3
-- usr/lib/libssl.so.3 --
x
-- usr/share/doc/libssl3/copyright --
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: x
License: Apache-2.0 or Artistic-2.0

Files: debian/*
License: GPL-2+ with OpenSSL exception, Expat
 text
-- usr/share/doc/libc6/copyright --
This is free text.
License: MIT
See /usr/share/common-licenses/Apache-2.0, and /usr/share/common-licenses/GPL-2.
`,
			want: []string{
				"pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=glibc%402.36-9 [Apache-2.0] [common-licenses/GPL-2] " +
					"[/usr/share/doc/libc6/copyright]",
				"pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl +libc6 [Apache-2.0 OR Artistic-2.0] [GPL-2+ " +
					"with OpenSSL exception] [MIT] by Debian OpenSSL Team <openssl@example.org>",
			},
			owned: []string{"/usr/lib/libssl.so.3 deb/debian/libssl3"},
		},
		{
			name: "distroless, without os-release",
			tree: `
symlink usr/share/doc/libgcc-s1 -> gcc-12-base
-- etc/debian_version --
12.5
-- var/lib/dpkg/status.d/libgcc-s1 --
Package: libgcc-s1
Version: 12.2.0-14
Architecture: amd64
-- var/lib/dpkg/status.d/libgcc-s1.md5sums --
0123  usr/lib/libgcc_s.so.1
-- usr/lib/libgcc_s.so.1 --
x
-- usr/share/doc/gcc-12-base/copyright --
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
License: GPL-3+
`,
			want:  []string{"pkg:deb/debian/libgcc-s1@12.2.0-14?arch=amd64&distro=debian-12 [GPL-3.0-or-later]"},
			owned: []string{"/usr/lib/libgcc_s.so.1 deb/debian/libgcc-s1"},
		},
		{
			name: "apk",
			tree: `
-- etc/os-release --
ID=alpine
VERSION_ID=3.19.1
-- lib/apk/db/installed --
P:ssl_client
V:1.36.1-r15
A:x86_64
L:GPL-2.0-only
o:busybox
m:Some One <one@example.org>
D:so:libcrypto.so.3 !conflict
F:usr/bin
R:ssl_client

P:libcrypto3
V:3.1.4-r5
A:x86_64
L:Apache-2.0
p:so:libcrypto.so.3=3

-- usr/bin/ssl_client --
x
`,
			want: []string{
				"pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1 [Apache-2.0]",
				"pkg:apk/alpine/ssl_client@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1&upstream=busybox +libcrypto3 [GPL-2.0-only] by Some One " +
					"<one@example.org>",
			},
			owned: []string{"/usr/bin/ssl_client apk/alpine/ssl_client"},
		},
		{
			name: "python",
			tree: `
-- usr/lib/python3/site-packages/Flask_X-2.0.dist-info/METADATA --
Metadata-Version: 2.1
Name: Flask_X
Version: 2.0
Author-email: Ann <ann@example.org>
License: BSD 3-Clause
Requires-Dist: Werk.zeug (>=2.0)
Requires-Dist: dotenv ; extra == 'dotenv'
Requires-Dist: tomli>1; python_version < "3.11"

Name: body
-- usr/lib/python3/site-packages/Flask_X-2.0.dist-info/RECORD --
flask_x/__init__.py,sha256=abc,10
"flask_x/a,b.py",,
../../../bin/flask,,
../../../../../etc/passwd,,
-- usr/lib/python3/site-packages/flask_x/__init__.py --
-- usr/lib/python3/site-packages/flask_x/a,b.py --
-- usr/bin/flask --
-- opt/other/werk_zeug-1.0.egg-info --
Name: werk-zeug
Version: 1.0
-- usr/lib/python3/site-packages/werk_zeug.egg-info/PKG-INFO --
Name: werk_zeug
Version: 2.1
Classifier: License :: OSI Approved :: MIT License
Classifier: License :: OSI Approved
-- usr/lib/python3/site-packages/werk_zeug.egg-info/installed-files.txt --
../werk.py
-- usr/lib/python3/site-packages/werk.py --
-- usr/lib/python3/site-packages/dotenv.dist-info/METADATA --
Name: dotenv
Version: 1
-- broken.dist-info/METADATA --
Name: broken
-- METADATA --
Name: nothing
Version: 1
`,
			want: []string{
				"pkg:pypi/dotenv@1",
				"pkg:pypi/flask-x@2.0 +werk_zeug [BSD-3-Clause] by Ann <ann@example.org>",
				"pkg:pypi/werk-zeug@1.0",
				"pkg:pypi/werk-zeug@2.1 [MIT]",
			},
			owned: []string{
				"/usr/bin/flask pypi/flask-x",
				"/usr/lib/python3/site-packages/Flask_X-2.0.dist-info/METADATA pypi/flask-x",
				"/usr/lib/python3/site-packages/Flask_X-2.0.dist-info/RECORD pypi/flask-x",
				"/usr/lib/python3/site-packages/dotenv.dist-info/METADATA pypi/dotenv",
				"/usr/lib/python3/site-packages/flask_x/__init__.py pypi/flask-x",
				"/usr/lib/python3/site-packages/flask_x/a,b.py pypi/flask-x",
				"/usr/lib/python3/site-packages/werk.py pypi/werk-zeug",
				"/usr/lib/python3/site-packages/werk_zeug.egg-info/PKG-INFO pypi/werk-zeug",
				"/usr/lib/python3/site-packages/werk_zeug.egg-info/installed-files.txt pypi/werk-zeug",
			},
		},
		{
			name: "npm",
			tree: `
-- app/package.json --
{"name": "app", "version": "1.0.0", "dependencies": {"a": "1"}}
-- app/node_modules/a/package.json --
{"name": "a", "version": "1.0.0", "license": "(MIT OR Apache-2.0)", "author": {"name": "Ann", "email": "a@example.org"},
 "dependencies": {"b": "^1", "@s/c": "*", "gone": "1"}, "devDependencies": {"d": "1"}}
-- app/node_modules/a/lib/a.js --
-- app/node_modules/a/node_modules/b/package.json --
{"name": "b", "version": "1.1.0", "licenses": [{"type": "MIT"}, {"type": "BSD-2-Clause"}]}
-- app/node_modules/a/node_modules/b/b.node --
-- app/node_modules/b/package.json --
{"name": "b", "version": "2.0.0", "license": "SEE LICENSE IN x", "dependencies": []}
-- app/node_modules/@s/c/package.json --
{"name": "@s/c", "version": "3.0.0", "dependencies": {"b": "2"}}
-- app/node_modules/d/package.json --
{"name": "d", "version": "4.0.0"}
-- app/node_modules/d/esm/package.json --
{"type": "module"}
-- app/node_modules/e/package.json --
{"name": "e"
`,
			want: []string{
				"pkg:npm/%40s/c@3.0.0 +b",
				"pkg:npm/a@1.0.0 +@s/c +b [MIT OR Apache-2.0] by Ann <a@example.org>",
				"pkg:npm/app@1.0.0 +a",
				"pkg:npm/b@1.1.0 [MIT OR BSD-2-Clause]",
				"pkg:npm/b@2.0.0",
				"pkg:npm/d@4.0.0",
			},
			owned: []string{
				"/app/node_modules/@s/c/package.json npm/%40s/c",
				"/app/node_modules/a/lib/a.js npm/a",
				"/app/node_modules/a/node_modules/b/b.node npm/b",
				"/app/node_modules/a/node_modules/b/package.json npm/b",
				"/app/node_modules/a/package.json npm/a",
				"/app/node_modules/b/package.json npm/b",
				"/app/node_modules/d/esm/package.json npm/d",
				"/app/node_modules/d/package.json npm/d",
				"/app/node_modules/e/package.json npm/app",
				"/app/package.json npm/app",
			},
			doubts: []string{`"app/node_modules/e/package.json" cannot be read: unexpected end of JSON input`},
		},
		{
			name: "ruby",
			tree: `
-- var/gems/specifications/rack-3.0.gemspec --
# -*- encoding: utf-8 -*-
# stub: rack 3.0 ruby lib

Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "3.0"
  s.authors = ["Ann".freeze]
  s.licenses = ["MIT".freeze, "GPL-2.0+".freeze]
  s.add_runtime_dependency(%q<webrick>.freeze, ["~> 1"])
  s.add_development_dependency(%q<json>.freeze, [">= 0"])
end
-- var/gems/specifications/nokogiri-1.16-x86_64-linux.gemspec --
# stub: nokogiri 1.16 x86_64-linux lib
Gem::Specification.new do |s|
  s.add_dependency("rack", [">= 0"])
end
-- var/gems/specifications/default/webrick-1.8.gemspec --
Gem::Specification.new do |s|
  s.name = 'webrick'
  s.version = Gem::Version.new('1.8')
end
-- var/gems/specifications/default/json-2.gemspec --
Gem::Specification.new do |s|
  s.name = name
end
-- var/gems/gems/rack-3.0/lib/rack.rb --
-- src/other.gemspec --
# stub: other 1 ruby lib
`,
			want: []string{
				"pkg:gem/nokogiri@1.16?platform=x86_64-linux +rack",
				"pkg:gem/rack@3.0 +webrick [MIT OR GPL-2.0-or-later] by Ann",
				"pkg:gem/webrick@1.8",
			},
			owned: []string{"/var/gems/gems/rack-3.0/lib/rack.rb gem/rack"},
		},
		{
			name: "composer",
			tree: `
-- app/vendor/composer/installed.json --
{"packages": [
 {"name": "Symfony/Console", "version": "v6.4.1", "license": ["MIT"], "require": {"php": ">=8", "psr/log": "^3"}, "install-path": "../symfony/console",
  "authors": [{"name": "Fabien", "email": "f@example.org"}]},
 {"name": "psr/log", "version": "3.0.0", "license": ["LGPL-2.1-or-later", "MIT"], "require": [], "install-path": "./../psr/log"},
 {"name": "", "version": "1"}]}
-- app/vendor/symfony/console/Application.php --
-- old/vendor/composer/installed.json --
[{"name": "old/one", "version": "1.0"}]
-- bad/vendor/composer/installed.json --
{"packages": 1}
`,
			want: []string{
				"pkg:composer/old/one@1.0",
				"pkg:composer/psr/log@3.0.0 [LGPL-2.1-or-later OR MIT]",
				"pkg:composer/symfony/console@v6.4.1 +psr/log [MIT] by Fabien <f@example.org>",
			},
			owned:  []string{"/app/vendor/symfony/console/Application.php composer/symfony/console"},
			doubts: []string{`"bad/vendor/composer/installed.json" cannot be read: json: cannot unmarshal number into Go struct field .Packages of type []sbom.composerPackage`},
		},
		{
			name: "dotnet",
			tree: `
-- app/web.deps.json --
{"runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"},
 "targets": {".NETCoreApp,Version=v8.0": {
  "web/1.0.0": {"dependencies": {"Serilog": "3.1.1"}},
  "Serilog/3.1.1": {"dependencies": {"Polly": "8.0"}, "runtime": {"lib/net7.0/Serilog.dll": {}}},
  "Polly/8.0": {}}},
 "libraries": {"web/1.0.0": {"type": "project"}, "Serilog/3.1.1": {"type": "package"}, "Polly/8.0": {"type": "package"},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "runtimepack"}}}
-- app/Serilog.dll --
-- app/web.dll --
`,
			want: []string{
				"pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@8.0.1",
				"pkg:nuget/Polly@8.0",
				"pkg:nuget/Serilog@3.1.1 +Polly",
			},
			owned: []string{"/app/Serilog.dll nuget/Serilog"},
		},
		{name: "nothing", tree: "-- etc/x --\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := read(t, tree(t, test.tree), sbom.Options{})
			if diff := cmp.Diff(test.want, lines(doc)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.owned, owned(doc)); diff != "" {
				t.Errorf("owners (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.doubts, doc.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sbom.Read(ctx, tree(t, "-- a --\n"), sbom.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v, want context.Canceled", err)
	}
}

func TestImagePurl(t *testing.T) {
	for _, test := range []struct{ repository, tag, digest, arch, want string }{
		{"registry.example.com/team/App", "2", "sha256:ab", "amd64",
			"pkg:oci/app@sha256:ab?arch=amd64&repository_url=registry.example.com%2Fteam%2FApp&tag=2"},
		{"app", "", "", "", "pkg:oci/app"},
		{"", "1", "sha256:ab", "amd64", ""},
	} {
		if got := sbom.ImagePurl(test.repository, test.tag, test.digest, test.arch); got != test.want {
			t.Errorf("ImagePurl(%q) = %q, want %q", test.repository, got, test.want)
		}
	}
}
