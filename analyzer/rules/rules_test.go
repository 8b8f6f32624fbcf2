package rules

import "testing"

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"usr/lib/**", "usr/lib/a/b", true}, {"usr/lib/**", "usr/lib", false}, {"usr/lib/**", "usr/libexec/a", false},
		{"**/.git/**", ".git/config", true}, {"**/.git/**", "a/b/.git/x/y", true}, {"**/.git/**", "a.git/x", false},
		{"/etc/*.conf", "etc/a.conf", true}, {"etc/*.conf", "etc/d/a.conf", false},
		{"etc/{a,b}/x", "etc/b/x", true}, {"etc/{a,b}/x", "etc/c/x", false},
		{"lib/python3.[0-9]*/**", "lib/python3.11/os.py", true}, {"lib/python3.[0-9]*/**", "lib/python3/os.py", false},
		{"a/?", "a/b", true}, {"a/?", "a/bc", false}, {`a/\*`, "a/*", true}, {`a/\*`, "a/b", false},
		{"**/a/**", "x/a", false}, {"**/a/**", "a/a/b", true}, {"**/a/*/b/**/c", "a/x/a/y/b/c", true}, {"**/a/*/b/**/c", "a/x/a/y/b", false},
		{"**/*.{c,h,o}", "x/y.h", true},
		{"**/{test,tests}/**", "a/tests/b", true}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXbYbZ", false}, {"x{a,b{c,d}}y", "xbdy", true},
		{"x{a,b{c,d}}y", "xby", false}, {"IBM{27?,1???}.so", "IBM1047.so", true},
		{"**", "x", true}, {"a\nb/*", "a\nb/\xff", true}, {"x[!a]", "xb", true}, {"x[!a]", "xa", false},
	} {
		g, err := Compile(test.pattern)
		if err != nil {
			t.Errorf("Compile(%q): %v", test.pattern, err)
			continue
		}
		if got := g.Match(test.name); got != test.want {
			t.Errorf("%q matches %q = %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
	for _, bad := range []string{"", "a[", "a{b", "a}b", "[]"} {
		if _, err := Compile(bad); err == nil {
			t.Errorf("Compile(%q) succeeded", bad)
		}
	}
}

func TestSubmatch(t *testing.T) {
	for _, test := range []struct{ pattern, name, want string }{
		{"usr/lib/jvm/*/bin/java", "usr/lib/jvm/x-17/bin/java", "x-17"}, {"**/lib/*/x/*", "a/lib/b/x/c", "b"}, {"a/b*", "a/bc", ""},
		{"**/a/*/b", "a/x/a/y/b", "y"},
	} {
		if got, ok := MustCompile(test.pattern).Submatch(test.name); !ok || got != test.want {
			t.Errorf("%q.Submatch(%q) = %q, %v, want %q", test.pattern, test.name, got, ok, test.want)
		}
	}
}

func BenchmarkGlob(b *testing.B) {
	g := MustCompile("**/{site,dist}-packages/**/{test,tests}/**")
	for b.Loop() {
		g.Match("usr/lib/python3/dist-packages/sklearn/ensemble/_hist_gradient_boosting/splitting.py")
	}
}

func TestTablesCompile(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Families() {
		if f.Name == "" || f.Source == "" || len(f.When)+len(f.Imports) == 0 || len(f.Keep) == 0 || names[f.Name] {
			t.Errorf("family %+v lacks a name of its own, a source, a trigger or a result", f)
		}
		names[f.Name] = true
		for _, list := range [][]string{f.When, f.Keep, f.Except} {
			for _, pattern := range list {
				MustCompile(Expand(pattern, "1.*"))
			}
		}
	}
	for _, j := range Junks() {
		if j.Name == "" || j.Source == "" || names[j.Name] {
			t.Errorf("junk %+v lacks a name of its own or a source", j)
		}
		names[j.Name] = true
		for _, pattern := range j.Globs {
			MustCompile(pattern)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("a/**/b*[c]{d,e}", "a/x/bcd")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if g, err := Compile(pattern); err == nil {
			g.Match(name)
		}
	})
}

func TestRuntimesCompile(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Runtimes() {
		if r.Name == "" || r.Source == "" || len(r.Extensions) == 0 || len(r.Programs) == 0 || len(r.Modules) == 0 || names[r.Name] {
			t.Errorf("runtime %+v lacks a name of its own, a source, extensions, a program or modules", r)
		}
		names[r.Name] = true
		for _, list := range [][]string{r.Programs, r.Modules, r.Metadata} {
			for _, pattern := range list {
				MustCompile(pattern)
			}
		}
	}
}
