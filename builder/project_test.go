package builder

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

func TestReadProject(t *testing.T) {
	given, err := ReadProject([]byte(`
accept:
  - {id: CVE-1, reason: none, until: 2030-01-01}
build:
  keep: package
  run: [--version, "-c 'a b'"]
  include: /srv
  include-shell: true
  timeout: 5m
  user: 1000:0
`))
	if err != nil {
		t.Fatal(err)
	}
	var got Options
	for _, g := range given {
		if err := g.Apply(&got); err != nil {
			t.Fatal(err)
		}
	}
	want := Options{Observe: ObserveOptions{Runs: []string{"--version", "-c 'a b'"}, Timeout: 300},
		Analyze: analyzer.Options{Keep: analyzer.KeepPackage, Include: []string{"/srv"}, IncludeShell: true, User: "1000:0"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestReadProjectRefuses(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"bulid: {}\n", "bulid"},
		{"build: [keep]\n", "line 1"},
		{"build:\n  keep: closure\n  keepp: 1\n", "line 3"},
		{"build:\n  keep: closure\n  keep: package\n", "duplicate key"},
		{"build:\n  keep: [closure, package]\n", "one value"},
		{"build:\n  run: [{a: b}]\n", "one value"},
		{"build:\n  run: &x [*x]\n", "one value"},
		{"build:\n  include:\n", "one value"},
		{"build:\n\tkeep: closure\n", "line 2"},
		{"build:\n  mount: /etc/shadow:/etc/shadow\n", `key "mount": only a flag of slim can set it`},
		{"build:\n  env-file: secrets.env\n", `key "env-file": only a flag of slim can set it`},
		{"build:\n  network: host\n", `key "network": only a flag of slim or a build argument can set it`},
		{"build:\n  env: [A=1, CI_DEPLOY_TOKEN]\n", "CI_DEPLOY_TOKEN\" is not KEY=VALUE"},
	} {
		if given, err := ReadProject([]byte(test.file)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ReadProject(%q) = %v, %v; want an error with %q", test.file, given, err, test.want)
		}
	}
	for _, test := range []struct{ file, want string }{
		{"build: {keep: all}\n", "observed, closure, package"},
		{"build: {timeout: soon}\n", "line 1"},
		{"build: {strict: maybe}\n", "neither true nor false"},
		{"build: {user: nobody}\n", "not a number"},
	} {
		given, err := ReadProject([]byte(test.file))
		if err != nil || len(given) != 1 {
			t.Fatalf("ReadProject(%q) = %v, %v", test.file, given, err)
		}
		if err := given[0].Apply(&Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want an error with %q", test.file, err, test.want)
		}
	}
}
