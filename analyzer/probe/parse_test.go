package probe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

func TestParseSteps(t *testing.T) {
	const file = `
- get: /health
- name: log in
  http: {method: POST, port: 8080, path: /login, headers: {Content-Type: text/plain}, body: "a=b", status: 302, contains: welcome}
- tcp:
    port: 6379
    send: "PING\r\n"
    expect: PONG
- exec: redis-cli ping
- exec: [redis-cli, "set", "a b"]
- exec: {line: "id", user: "33", status: 1, contains: www}
- exec: {argv: [app, --version], status: 0}
- wait: 2
- wait: {port: 80, seconds: 5}
`
	want := []analyzer.Step{
		{HTTP: &analyzer.HTTPStep{Path: "/health"}},
		{Name: "log in", HTTP: &analyzer.HTTPStep{Method: "POST", Port: 8080, Path: "/login",
			Headers: map[string]string{"Content-Type": "text/plain"}, Body: "a=b", Status: 302, Text: "welcome"}},
		{TCP: &analyzer.TCPStep{Port: 6379, Send: "PING\r\n", Expect: "PONG"}},
		{Exec: &analyzer.ExecStep{Line: "redis-cli ping"}},
		{Exec: &analyzer.ExecStep{Argv: []string{"redis-cli", "set", "a b"}}},
		{Exec: &analyzer.ExecStep{Line: "id", User: "33", Status: 1, Text: "www"}},
		{Exec: &analyzer.ExecStep{Argv: []string{"app", "--version"}}},
		{Wait: &analyzer.WaitStep{Seconds: 2}},
		{Wait: &analyzer.WaitStep{Port: 80, Seconds: 5}},
	}
	got, err := ParseSteps([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseSteps (-want +got):\n%s", diff)
	}
}

func TestParseStepsErrors(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"", "it has no steps"},
		{"[]", "it has no steps"},
		{"get: /", `line 1: it is no list of steps ("- get: /")`},
		{"- get: /\n- http: {pth: /}", `line 2: unknown key "pth", did you mean "path"?`},
		{"- get: /\n\n- banana: 1", `line 3: unknown key "banana", not one of exec, get, http, name, tcp, wait`},
		{"- tpc: {port: 1}", `line 1: unknown key "tpc", did you mean "tcp"?`},
		{"- {get: /, wait: 1}", "line 1: a step has one of get, http, tcp, exec and wait, this one has 2"},
		{"- name: nothing", "line 1: a step has one of get, http, tcp, exec and wait, this one has 0"},
		{"- tcp: {send: x}", "line 1: tcp needs a port"},
		{"- tcp: {port: 70000}", "line 1: 70000 is not between 1 and 65535"},
		{"- wait: soon", "line 1: cannot unmarshal !!str `soon` into int"},
		{"- wait: {}", "line 1: wait needs seconds or a port"},
		{"- exec: ''", "line 1: exec needs a command line or argv"},
		{"- exec: {line: a, argv: [b]}", "line 1: exec needs a command line or argv"},
		{"- http: {url: 'http://127.0.0.1/', path: /}", "line 1: url says it all: no port and no path beside it"},
		{"- get: /\n  get: /b", `line 2: duplicate key "get"`},
		{"- get: /\n---\n- get: /", "it has more than one document"},
		{"- plain", "line 1: keys and values are expected"},
	} {
		if _, err := ParseSteps([]byte(test.file)); err == nil || err.Error() != test.want {
			t.Errorf("ParseSteps(%q): error %v, want %s", test.file, err, test.want)
		}
	}
}

func FuzzParseSteps(f *testing.F) {
	f.Add([]byte("- get: /\n- exec: [a]\n- wait: {port: 1}\n"))
	f.Add([]byte("- &a {tcp: {port: 1}}\n- *a\n"))
	f.Add([]byte("- <<: {get: /}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		steps, err := ParseSteps(data)
		if err == nil && len(steps) == 0 {
			t.Error("no steps and no error")
		}
	})
}

func TestSplit(t *testing.T) {
	sh := func(line string) []string { return []string{"/bin/sh", "-c", line} }
	for _, test := range []struct {
		line string
		want []string
	}{
		{"redis-cli ping", []string{"redis-cli", "ping"}},
		{`psql -c 'select 1; select "a|b"' --set=x=y`, []string{"psql", "-c", `select 1; select "a|b"`, "--set=x=y"}},
		{`echo "a \"b\" \x" c\ d ''`, []string{"echo", `a "b" \x`, "c d", ""}},
		{"a | b", sh("a | b")},
		{"a && b", sh("a && b")},
		{"a > f", sh("a > f")},
		{"A=1 b", sh("A=1 b")},
		{"echo $HOME", sh("echo $HOME")},
		{`echo "$HOME"`, sh(`echo "$HOME"`)},
		{"ls *.c", sh("ls *.c")},
		{"ls ~", sh("ls ~")},
		{"cd /tmp", sh("cd /tmp")},
		{"if true; then a; fi", sh("if true; then a; fi")},
		{"! a", sh("! a")},
		{"a &", sh("a &")},
		{"it's", sh("it's")},
		{"", sh("")},
	} {
		if diff := cmp.Diff(test.want, split(test.line)); diff != "" {
			t.Errorf("split(%q) (-want +got):\n%s", test.line, diff)
		}
	}
}
