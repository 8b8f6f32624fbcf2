package printable

import (
	"bytes"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		in   []string
		want string
	}{
		{nil, ""},
		{[]string{"a\n", "b\n"}, "a\nb\n"},
		{[]string{"no end"}, "no end\n"},
		{[]string{"a\r\nb\r\n\r\nc\n"}, "a\nb\n\nc\n"},
		{[]string{"10%\r20%\r"}, "10%\n20%\n"},
		{[]string{"::er", "ror::x\n"}, ":\\x3aerror::x\n"},
		{[]string{":", ":error::x"}, ":\\x3aerror::x\n"},
		{[]string{"a\r::error::x\n"}, "a\n:\\x3aerror::x\n"},
		{[]string{"#", "#vso[task]\n"}, "#\\x23vso[task]\n"},
		{[]string{"\x1b[32mgreen\x1b[0m\tx\x1b[2J\n"}, "green    x\\x1b[2J\n"},
		{[]string{"\x1b[1m::error::x\n"}, ":\\x3aerror::x\n"}, // a colour does not hide the start
		{[]string{"\xe4", "\xb8\x96\n"}, "世\n"},
		{[]string{strings.Repeat("x", 2*maxLine+1), "y\n"},
			strings.Repeat("x", maxLine) + "\n" + strings.Repeat("x", maxLine) + "\nxy\n"},
	} {
		var b bytes.Buffer
		w := NewWriter(&b)
		for _, part := range test.in {
			if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("Write(%.40q) = %d, %v", part, n, err)
			}
		}
		if err := w.Close(); err != nil || b.String() != test.want {
			t.Errorf("%.60q is written as %.60q (%v), want %.60q", test.in, b.String(), err, test.want)
		}
	}
}
