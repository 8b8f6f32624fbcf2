package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"},
		{"Grüße, 世界 😀", "Grüße, 世界 😀"},
		{"a\nb\r\n\tc", `a\nb\r\n\tc`},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"\x1b]0;title\x07", `\x1b]0;title\x07`},
		{"\u009b31m", `\u009b31m`}, // CSI in one character
		{"a\x00b\x7f", `a\x00b\x7f`},
		{"\xff\xfe", `\xff\xfe`},
		{"\ufffd", `\ufffd`},
		{"user\u202egpj.exe", `user\u202egpj.exe`},
		{"\u2066\u2069\u200f", `\u2066\u2069\u200f`},
		{"zero\u200bwidth\u00adhyphen", `zero\u200bwidth\u00adhyphen`},
		{"no\u00a0break\u2028line", `no\u00a0break\u2028line`},
		{"\u3164filler\u115f", `\u3164filler\u115f`},
		{"\ufe0f", `\ufe0f`},
		{"\U000e0041tag", `\U000e0041tag`},
		{"\ue000", `\ue000`},
		{"::error file=x::text", `:\x3aerror file=x::text`},
		{"  ::stop-commands::x", `  :\x3astop-commands::x`},
		{"a\n::error::x", `a\n::error::x`}, // no line of its own
		{"Foo::Bar", "Foo::Bar"},
		{"x ##[error]y", `x #\x23[error]y`},
		{"##vso[task.setvariable]", `#\x23vso[task.setvariable]`},
		{"####[x]", `#\x23#\x23[x]`},
		{`back\slash`, `back\slash`},
	} {
		if got := Text(test.in); got != test.want {
			t.Errorf("Text(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestShort(t *testing.T) {
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"aaä", 3, "aa…"},
		{"aaäb", 4, "aaä…"},
		{"\x80\x80\x80\x80\x80\x80\x80", 5, `\x80…`},
		{"\nabc", 1, `\n…`},
	} {
		if got := Short(test.in, test.limit); got != test.want {
			t.Errorf("Short(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
		}
	}
}

func TestLines(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"one", "one"},
		{"one\n\n  two\r\n", "one | two"},
		{"\n\n::error::x\n", `:\x3aerror::x`},
		{"one\n::error::x", "one | ::error::x"},
	} {
		if got := Lines(test.in); got != test.want {
			t.Errorf("Lines(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "::error::", "##[x]", "\x1b[2J", "\u202e", "\xff", "###", " ::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if !utf8.ValidString(got) || strings.Contains(got, "##") || strings.HasPrefix(strings.TrimSpace(got), "::") {
			t.Errorf("Text(%q) = %q", s, got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool {
			return r != ' ' && (unicode.IsControl(r) || unicode.IsSpace(r) || unicode.In(r, unicode.Cf))
		}); i >= 0 {
			t.Errorf("Text(%q) = %q has %q", s, got, got[i:])
		}
		if again := Text(got); again != got {
			t.Errorf("Text(%q) = %q, want what it was", got, again)
		}
	})
}
