package keep

import (
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/packages"
)

// worklistOf is a worklist for an image of these files.
func worklistOf(t *testing.T, files map[string]string) *worklist {
	t.Helper()
	s := &script{files: map[string][]byte{}}
	for name, text := range files {
		s.files[name] = []byte(text)
	}
	im, err := readImage(t.Context(), s.image(t))
	if err != nil {
		t.Fatal(err)
	}
	db, err := packages.Load(im)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWorklist(im, db, analyzer.Request{}, observation())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestDispatches(t *testing.T) {
	const head = "#!/bin/sh\nset -e\n"
	for _, c := range []struct {
		name, src string
		want      bool
	}{
		{"a choice by the first argument", head + "case \"$1\" in\nsign) gpg -s ;;\nesac\n", true},
		{"the arguments as a command", head + "umask 022\nexec \"$@\"\n", true},
		{"arguments of one program", head + "exec server --port 80 \"$@\"\n", false},
		{"another choice", head + "case $(uname) in\nLinux) ;;\nesac\n", false},
		{"Python that starts a computed name", "#!/usr/bin/python3\nimport subprocess, sys\nsubprocess.run(tools[sys.argv[1]])\n", true},
		{"Python that starts one program", "#!/usr/bin/python3\nimport subprocess\nsubprocess.run(['git', 'status'])\n", false},
		{"Perl that starts a list", "#!/usr/bin/perl\nsystem(@command) == 0 or die;\n", true},
		{"Scheme that starts a computed name", "#!/usr/bin/guile -s\n!#\n(system* (string-append \"g\" \"pg\") \"-s\")\n", true},
		{"JavaScript with a regular expression", "#!/usr/bin/node\nconst m = re.exec(line);\n", false},
	} {
		w := worklistOf(t, map[string]string{"app/run": c.src})
		if got := w.dispatches([]string{"/app/run"}); got != c.want {
			t.Errorf("%s: dispatches = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCLRLiterals(t *testing.T) {
	utf16 := func(text string) string {
		var wide []byte
		for i := range len(text) {
			wide = append(wide, text[i], 0)
		}
		return string(wide)
	}
	const metadata = "BSJB\x01\x00\x01\x00"
	src := "MZ" + metadata
	for _, word := range []string{"/bin/echo", "/etc/app.conf", "tool", "/gone"} {
		src += "\x01" + utf16(word) + "\x01"
	}
	w := worklistOf(t, map[string]string{
		"bin/echo": "x", "bin/tool": "x", "bin/unnamed": "x", "etc/app.conf": "x", "app/a.dll": src, "app/plain.dll": utf16("/bin/unnamed"),
	})
	w.clrLiterals("app/a.dll")
	w.clrLiterals("app/plain.dll")
	for name, want := range map[string]bool{"bin/echo": true, "bin/tool": true, "etc/app.conf": true, "bin/unnamed": false} {
		if _, got := w.kept[name]; got != want {
			t.Errorf("kept %q = %v, want %v", name, got, want)
		}
	}
}
