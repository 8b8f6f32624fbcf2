package sbom

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSourceURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.org/x.git":       "https://example.org/x.git",
		"git+https://example.org/x.git":   "https://example.org/x.git",
		"git://example.org/x.git":         "git://example.org/x.git",
		"user/project":                    "https://github.com/user/project",
		"gitlab:user/project":             "https://gitlab.com/user/project",
		"gist:11081aaa281":                "https://gist.github.com/11081aaa281",
		"git@example.org:user/x.git":      "",
		"file:../x":                       "",
		"one word":                        "",
		"project":                         "",
		"":                                "",
		"https://example.org/a b":         "",
		"github:a/b/c":                    "",
		"git+https://example.org/<script": "",
	} {
		if got := sourceURL(text); got != want {
			t.Errorf("sourceURL(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestModuleSource(t *testing.T) {
	for module, want := range map[string]string{
		"github.com/a/b/v2/c": "https://github.com/a/b", "github.com/a/b": "https://github.com/a/b", "github.com/a": "",
		"golang.org/x/net": "", "stdlib": "", "": "",
	} {
		if got := moduleSource(module); got != want {
			t.Errorf("moduleSource(%q) = %q, want %q", module, got, want)
		}
	}
}

func TestIntegrity(t *testing.T) {
	sum := "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==" // of nothing
	const hex = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce" +
		"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
	for list, want := range map[string]string{sum: hex, "sha1-x " + sum + "?opt": hex, "sha512-AA==": "", "sha256-" + sum: "", "": ""} {
		if got := integrity(list); got != want {
			t.Errorf("integrity(%q) = %q, want %q", list, got, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	tar := string(make([]byte, 257)) + "ustar"
	for head, want := range map[string]Kind{
		"\x7fELF": {Executable: true}, "#!/bin/sh": {Executable: true}, "PK\x03\x04": {Archive: true, Structured: true},
		tar: {Archive: true, Structured: true}, "text": {}, "": {}, "\x1f": {},
	} {
		if diff := cmp.Diff(want, kindOf([]byte(head))); diff != "" {
			t.Errorf("kindOf(%q) (-want +got):\n%s", head, diff)
		}
	}
}

func TestCPE(t *testing.T) {
	for name, want := range map[string]string{
		"cpe:/o:fedoraproject:fedora:39":                   "cpe:/o:fedoraproject:fedora:39",
		"cpe:2.3:o:amazon:amazon_linux:2023:*:*:*:*:*:*:*": "cpe:2.3:o:amazon:amazon_linux:2023:*:*:*:*:*:*:*",
		"cpe:2.3:o:short":                                  "", "none": "", "cpe:/o:a b": "",
	} {
		if got := cpe(name); got != want {
			t.Errorf("cpe(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestModified(t *testing.T) {
	info := func(at time.Time) fs.FileInfo {
		i, err := fstest.MapFS{"x": {ModTime: at}}.Stat("x")
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for at, want := range map[time.Time]string{
		time.Unix(1700000000, 5): "2023-11-14T22:13:20Z", {}: "", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC): "",
	} {
		if got := modified(info(at)); got != want {
			t.Errorf("modified(%v) = %q, want %q", at, got, want)
		}
	}
}

func TestWorse(t *testing.T) {
	for _, test := range []struct{ one, two, want Completeness }{
		{Complete, Complete, Complete}, {Complete, Incomplete, Incomplete}, {Unknown, Incomplete, Unknown}, {Incomplete, Complete, Incomplete},
	} {
		if got := worse(test.one, test.two); got != test.want {
			t.Errorf("worse(%s, %s) = %s, want %s", test.one, test.two, got, test.want)
		}
	}
}
