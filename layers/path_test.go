package layers

import (
	"path"
	"strings"
	"testing"
)

func TestPathText(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{".", "/"}, {"", "/"}, {"/", "/"}, {"etc/passwd", "/etc/passwd"}, {"/etc//x/", "/etc/x"}, {"../../a", "/a"},
		{"a\nb", `/a\x0ab`}, {`a\b`, `/a\x5cb`}, {"\xff", `/\xff`}, {"ü*", "/ü*"}, {"\ufffd", "/\ufffd"}, {" a ", "/ a "}, {"!x", "/!x"},
		{"\x7f", `/\x7f`},
	} {
		p := CleanPath(test.name)
		if p.String() != test.text {
			t.Errorf("CleanPath(%q) = %s, want %s", test.name, p, test.text)
		}
		var back Path
		if err := back.UnmarshalText([]byte(test.text)); err != nil || back != p {
			t.Errorf("UnmarshalText(%s) = %q, %v, want %q", test.text, back, err, p)
		}
	}
	for _, bad := range []string{"", "a", "/a/", "/a/../b", "//a", `/a\`, `/\x4`, `/\xzz`, `/\n`, `/\x00`, "/a/.", "/\x00"} {
		var p Path
		if err := p.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("UnmarshalText(%q) = %q, want an error", bad, p)
		}
	}
}

func FuzzPathText(f *testing.F) {
	for _, name := range []string{"a/b", "a\nb", `\x41`, "\xff\xfe", "../x", "ü"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.IndexByte(name, 0) >= 0 {
			return
		}
		p := CleanPath(name)
		if path.IsAbs(string(p)) || p == ".." || strings.HasPrefix(string(p), "../") {
			t.Fatalf("CleanPath(%q) = %q leaves the root", name, string(p))
		}
		text, err := p.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Path
		if err := back.UnmarshalText(text); err != nil || back != p {
			t.Fatalf("%q became %s became %q, %v", string(p), text, string(back), err)
		}
	})
}
