package sbom

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/package-url/packageurl-go"
)

// parsed are paths of every parser, each with a seed.
var parsed = []struct{ path, seed string }{
	{"x/a-1.dist-info/METADATA", "Name: a\nVersion: 1\nLicense: MIT\n  more\nRequires-Dist: b (>1); extra == 'x'\n"},
	{"x/a-1.dist-info/RECORD", "a.py,,\n\"b,\"\"c.py\",,\n../../x,,"},
	{"x/a.egg-info/installed-files.txt", "../a.py\n"},
	{"x/node_modules/a/package.json", `{"name": "@s/a", "version": "1", "license": {"type": "MIT"}, "licenses": ["A", "B"], "author": "x (y)", "dependencies": {"b": 1}}`},
	{"x/specifications/a-1.gemspec", "# stub: a 1 ruby lib\ns.licenses = [\"MIT\".freeze]\ns.add_dependency(%q<b>.freeze)"},
	{"x/vendor/composer/installed.json", `{"packages": [{"name": "a/b", "version": "1", "license": ["MIT"], "require": {"c/d": "1"}}]}`},
	{"x/a.deps.json", `{"runtimeTarget": {"name": "t"}, "targets": {"t": {"a/1": {"dependencies": {"b": "1"}, "runtime": {"x/a.dll": {}}}}}, "libraries": {"a/1": {"type": "package"}}}`},
	{"x/node_modules/.package-lock.json", `{"packages": {"node_modules/a": {"resolved": "https://x/a-1.tgz", "integrity": "sha512-AA== sha1-x"}}}`},
	{"usr/share/doc/a/copyright", "See /usr/share/common-licenses/GPL-2.\n"},
	{"usr/share/doc/a/copyright", "Format: https://x/copyright-format/1.0/\nLicense: GPL-2+ or MIT\n"},
}

// check holds what a parser found to what the rest relies on.
func check(t *testing.T, m metadata) {
	t.Helper()
	for _, f := range m.found {
		if !plausible(f.Name) || f.Version != "" && !plausible(f.Version) {
			t.Errorf("package %q, version %q", f.Name, f.Version)
		}
		if f.Purl != "" {
			if _, err := packageurl.FromString(f.Purl); err != nil {
				t.Errorf("package URL %q: %v", f.Purl, err)
			}
		}
		refs := map[string]string{}
		if e := asExpression(f.Licenses, refs); e != "" {
			if _, ok := parseExpression(e); !ok {
				t.Errorf("licences %q make %q, which is no expression", f.Licenses, e)
			}
		}
		f.Ref = f.Purl
		if _, err := json.Marshal(cdxPackage(f.Package)); err != nil {
			t.Error(err)
		}
		for _, name := range append(slices.Clone(f.owned), f.dir) {
			if len(name) > 0 && name[0] == '/' {
				t.Errorf("path %q is not inside the root", name)
			}
		}
	}
	for place, a := range m.artifacts {
		if place != "" && place[0] == '/' || a.URL != "" && !isURL(a.URL) || len(a.SHA512)%128 != 0 {
			t.Errorf("artifact of %q = %+v", place, a)
		}
	}
	for _, name := range m.owned {
		if name != "" && (name[0] == '/' || name == ".." || len(name) > 2 && name[:3] == "../") {
			t.Errorf("path %q is not inside the root", name)
		}
	}
}

func FuzzParsers(f *testing.F) {
	for i, p := range parsed {
		f.Add(uint8(i), []byte(p.seed))
		f.Add(uint8(i), []byte(p.seed[:len(p.seed)/2]))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		p := parsed[int(which)%len(parsed)]
		parse, limit := parserOf(p.path)
		if parse == nil || int64(len(data)) > limit {
			t.Fatalf("no parser of %q, or too much", p.path)
		}
		check(t, parse(p.path, data))
	})
}

func FuzzLicenseTerms(f *testing.F) {
	for _, seed := range []string{"MIT", "(MIT OR GPL-2+) AND x", "GPL-2.0-or-later WITH Classpath-exception-2.0", "a, b and c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, terms := range [][]string{licenseTerms(text), shortNames(text)} {
			checkTerms(t, text, terms)
		}
	})
}

func checkTerms(t *testing.T, text string, terms []string) {
	t.Helper()
	if e := asExpression(terms, map[string]string{}); e != "" {
		if _, ok := parseExpression(e); !ok {
			t.Errorf("terms %q make %q, which is no expression", terms, e)
		}
	}
	for _, term := range terms {
		if term == "" || utf8.ValidString(text) && !utf8.ValidString(term) {
			t.Errorf("terms = %q", terms)
		}
	}
}

func FuzzJava(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, lookJava("x/a-1.jar", bytes.NewReader(data), int64(len(data))))
	})
}

func FuzzManifest(f *testing.F) {
	f.Add("a-1", []byte("Bundle-SymbolicName: org.x.a;s:=t\r\n go\nBundle-Version: 1\nBundle-License: MIT\n"),
		[]byte("groupId=a\nartifactId=b\nversion=1\n"))
	f.Fuzz(func(t *testing.T, base string, manifest, pom []byte) {
		check(t, metadata{found: own(base+".jar", parsePom(pom), parseHeaders(manifest, ""))})
	})
}

func FuzzELF(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, guarded("x", func() metadata { return lookELF("x", bytes.NewReader(data), int64(len(data))) }))
	})
}

func FuzzAudit(f *testing.F) {
	f.Add([]byte("x\x9c\x01\x00\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		found, err := parseAudit("x", packed)
		if err != nil && found != nil {
			t.Errorf("parseAudit = %v and %v", found, err)
		}
		check(t, metadata{found: found})
	})
}
