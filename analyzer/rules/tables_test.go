package rules

import (
	"slices"
	"strings"
	"testing"
)

// TestJunk says of paths which rule drops them; "" are those that a rule must leave alone.
func TestJunk(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"app/.git/config", "vcs"}, {"app/.github/workflow.yml", ""}, {"app/git/config", ""}, {".gitignore", "vcs"},
		{"var/cache/apt/pkgcache.bin", "package-cache"}, {"var/cache/app/data", ""}, {"var/cache/fontconfig/a", ""},
		{"root/.cache/pip/http/a", "package-cache"}, {"home/u/.cache/pip/a", "package-cache"},
		{"root/.cache/huggingface/model", ""}, {"root/.cache/ms-playwright/chrome", ""}, {"app/cache/a", ""},
		{"root/.npm/_cacache/a", "package-cache"},
		{"tmp/a", "temporary"}, {"app/tmp/a", ""}, {"run/a.pid", "temporary"}, {"app/run/a", ""}, {"app/core.123", "temporary"},
		{"app/core.js", ""}, {"app/core.3f2a.js", ""}, {"app/core.1.css", ""}, {"app/a~", "temporary"}, {"app/~a", ""},
		{"app/.idea/workspace.xml", "editor"}, {"app/idea/x", ""},
		{"Dockerfile", "build-recipe"}, {"app/Dockerfile", "build-recipe"}, {"app/Dockerfile.tmpl", ""}, {"app/compose.py", ""},
		{"root/.bash_history", "shell-history"}, {"root/.bashrc", ""},
		{"usr/lib/python3/dist-packages/numpy/tests/test_a.py", "python-suites"}, {"venv/lib/python3.12/site-packages/a/test/b.py",
			"python-suites"}, {"usr/lib/python3/dist-packages/a/testing/b.py", ""},
		{"app/tests/test_a.py", ""}, {"app/test/data.json", ""}, {"usr/lib/python3/dist-packages/test.py", ""},
		{"usr/lib/python3/dist-packages/a/b.pyi", "python-tests"}, {"app/fast.c", ""}, {"app/types.pyi", ""},
		{"usr/lib/python3.11/test/x.py", "python-tests"}, {"usr/lib/python3.11/unittest/mock.py", ""}, {"usr/lib/python3.11/unittest/test/x.py",
			"python-tests"},
		{"app/__pycache__/a.cpython-311.pyc", ""}, {"app/__pycache__/a.cpython-311.opt-2.pyc", "python-bytecode"},
		{"app/node_modules/a/index.d.ts", "node-dev"}, {"app/src/index.d.ts", ""}, {"app/src/index.ts", ""},
		{"app/node_modules/a/README.md", "node-dev"}, {"app/README.md", ""}, {"app/node_modules/a/index.ts", ""},
		{"app/node_modules/a/index.js.map", SourceMaps}, {"app/dist/index.js.map", ""}, {"usr/local/lib/node_modules/npm/a.js", "node-dev"},
		{"usr/local/lib/node_modules/pm2/a.js", ""},
		{"var/lib/gems/3.1.0/gems/a-1/spec/a_spec.rb", "ruby-tests"}, {"var/lib/gems/3.1.0/specifications/a-1.gemspec", ""},
		{"app/spec/a_spec.rb", ""}, {"var/lib/gems/3.1.0/gems/a-1/lib/cache/x.rb", ""}, {"var/lib/gems/3.1.0/cache/a-1.gem", "ruby-tests"},
		{"usr/share/doc/a/README", "docs"}, {"usr/share/man/man1/a.1", "docs"}, {"app/doc/a.html", ""}, {"usr/share/document/a", ""},
		{"usr/include/a.h", "headers"}, {"usr/lib/x86_64-linux-gnu/liba.a", "headers"}, {"app/include/a.h", ""}, {"app/lib/liba.a", ""},
		{"usr/lib/x86_64-linux-gnu/liba.so", ""},
	} {
		if got := junkOf(test.name); got != test.want {
			t.Errorf("%s is dropped by %q, want %q", test.name, got, test.want)
		}
	}
}

func junkOf(name string) string {
	for _, j := range Junks() {
		for _, pattern := range j.Globs {
			if MustCompile(pattern).Match(name) {
				return j.Name
			}
		}
	}
	return ""
}

// TestExcepts: an exception is of files, as the rule is: one that names a folder alone would say nothing.
func TestExcepts(t *testing.T) {
	for _, f := range Families() {
		for _, pattern := range f.Except {
			last := pattern[strings.LastIndexByte(pattern, '/')+1:]
			if last != "**" && last != "*" && !strings.ContainsAny(last, ".*") && last != "php-helper" { // a program
				t.Errorf("rule %s: the exception %s names a folder", f.Name, pattern)
			}
		}
	}
}

func TestNames(t *testing.T) {
	names := Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("Names() = %v, want each once, sorted", names)
	}
	if want := len(Families()) + len(Junks()) + 1; len(names) != want {
		t.Errorf("Names() lists %d rules, want %d", len(names), want)
	}
}

func TestPythonModules(t *testing.T) {
	for _, test := range []struct {
		module          string
		build, optional bool
	}{
		{"setuptools.command", true, false}, {"pytest", true, false}, {"pytest_asyncio", false, false}, {"numpy", false, false},
		{"docutils.core", true, false},
		{"idlelib", false, true}, {"idlelib.pyshell", false, true}, {"idlelibrary", false, false}, {"os", false, false},
	} {
		if got := PythonBuildTool(test.module); got != test.build {
			t.Errorf("PythonBuildTool(%s) = %v, want %v", test.module, got, test.build)
		}
		if got := PythonOptional(test.module); got != test.optional {
			t.Errorf("PythonOptional(%s) = %v, want %v", test.module, got, test.optional)
		}
	}
}

func TestOptional(t *testing.T) {
	if !Optional("libc.so.6", "libidn2.so.0") || Optional("libcurl.so.4", "libidn2.so.0") || Optional("libc.so.6", "libnss_dns.so.2") {
		t.Error("only libc's libidn2 is optional")
	}
}

func TestExpand(t *testing.T) {
	for _, test := range []struct{ pattern, first, want string }{
		{"usr/lib/jvm/$1/**", "java-17", "usr/lib/jvm/java-17/**"}, {"a/**", "x", "a/**"}, {"a/$1/b", "x*{y,z}", `a/x\*\{y\,z\}/b`},
	} {
		got := Expand(test.pattern, test.first)
		if got != test.want {
			t.Errorf("Expand(%q, %q) = %q, want %q", test.pattern, test.first, got, test.want)
		}
		if name := strings.ReplaceAll(strings.ReplaceAll(test.pattern, "$1", test.first), "**", "x"); !MustCompile(got).Match(name) {
			t.Errorf("%q does not match %q", got, name)
		}
	}
}
