package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/spelling"
)

func TestPermute(t *testing.T) {
	commands := []*cli.Command{{Name: "build", Flags: []cli.Flag{
		text("", "tag", "", "t"), texts("", "run", ""), toggle("", "load", ""), toggle("", "quiet", "", "q"),
	}}}
	tests := []struct{ in, want, rest string }{
		{"slim", "slim", ""},
		{"slim --help", "slim --help", ""},
		{"slim build", "slim build --", ""},
		{"slim build a --load", "slim build --load -- a", ""},
		{"slim build a -t b --load", "slim build -t b --load -- a", ""},
		{"slim build a --tag=b", "slim build --tag=b -- a", ""},
		{"slim build -t a b", "slim build -t a -- b", ""},
		{"slim build a --run -size", "slim build --run -size -- a", ""},
		{"slim build a --run -- b", "slim build --run -- -- a b", ""},
		{"slim build a -- b --load", "slim build -- a", "b --load"},
		{"slim build --load -- -a", "slim build --load -- -a", ""},
		{"slim build - -q", "slim build -q -- -", ""},
		{"slim build a --tag", "slim build --tag", ""},
		{"slim build a --what b", "slim build --what -- a b", ""},
		{"slim build a --load --help b", "slim build --help", ""},
		{"slim what a --load", "slim what --load -- a", ""},
	}
	for _, test := range tests {
		got, rest := permute(strings.Fields(test.in), commands)
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("permute(%q): -want +got\n%s", test.in, diff)
		}
		if got := strings.Join(rest, " "); got != test.rest {
			t.Errorf("permute(%q): rest = %q, want %q", test.in, got, test.rest)
		}
	}
}

func FuzzPermute(f *testing.F) {
	f.Add("build a --tag b -- c")
	f.Fuzz(func(t *testing.T, line string) {
		args := append([]string{"slim"}, strings.Fields(line)...)
		got, rest := permute(args, (&program{}).app().Commands)
		// Every argument stays, but the "--" that was there; one is added. Where a value is missing, the flags alone stay.
		if n := len(got) + len(rest); n > len(args)+1 || slices.Contains(got, "--") && n < len(args) {
			t.Errorf("permute(%q) = %q, %q: %d arguments became %d", args, got, rest, len(args), n)
		}
	})
}

func TestClosest(t *testing.T) {
	names := []string{"build", "observe", "diff", "keep-going"}
	for in, want := range map[string]string{"biuld": "build", "buidl": "build", "obsrve": "observe", "x": "", "nginx": "",
		"keepgoing": "keep-going"} {
		if got := spelling.Closest(in, names); got != want {
			t.Errorf("spelling.Closest(%q) = %q, want %q", in, got, want)
		}
	}
}
