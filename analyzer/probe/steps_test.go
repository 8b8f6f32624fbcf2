package probe

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

// program is what the commands of the tests do.
func program(c Command) (Result, error) {
	switch strings.Join(c.Argv, " ") {
	case "id":
		return Result{Stdout: []byte("uid=33"), StdoutSize: 6, StdoutSHA: "00"}, nil
	case "fail":
		return Result{ExitCode: 3, Stderr: []byte("first\nno such table\n")}, nil
	case "gone":
		return Result{}, errors.New("no such program")
	}
	return Result{}, fmt.Errorf("not foreseen: %q", c.Argv)
}

func TestSteps(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			w.WriteHeader(http.StatusBadGateway)
		}
		fmt.Fprintf(w, "%s %s host=%s x=%s", r.Method, r.URL, r.Host, r.Header.Get("X"))
	}))
	defer server.Close()
	web, exposedWeb := on(t, server.Listener.Addr().String())
	talk, exposedTalk := on(t, serve(t, echo))
	const ok = ""
	for _, test := range []struct {
		step        analyzer.Step
		name, error string // PORT is the web server's, TALK the other's
		body        string
	}{
		{analyzer.Step{HTTP: &analyzer.HTTPStep{Path: "/a?b=c"}}, "GET http://127.0.0.1:PORT/a?b=c", ok, "GET /a?b=c host=localhost x="},
		{analyzer.Step{HTTP: &analyzer.HTTPStep{Method: "post", URL: server.URL + "/p", Body: "x",
			Headers: map[string]string{"x": "1", "host": "h"}, Status: 200, Text: "POST"}},
			"POST http://127.0.0.1:PORT/p", ok, "POST /p host=h x=1"},
		{analyzer.Step{Name: "n", HTTP: &analyzer.HTTPStep{Path: "/", Status: 404}}, "n", "status 200, expected 404", "GET / host=localhost x="},
		{analyzer.Step{HTTP: &analyzer.HTTPStep{Path: "/down"}}, "GET http://127.0.0.1:PORT/down", "status 502, expected one below 500",
			"GET /down host=localhost x="},
		{analyzer.Step{HTTP: &analyzer.HTTPStep{Path: "/down", Status: 502}}, "GET http://127.0.0.1:PORT/down", ok,
			"GET /down host=localhost x="},
		{analyzer.Step{HTTP: &analyzer.HTTPStep{Path: "/", Text: "z"}}, "GET http://127.0.0.1:PORT/",
			`the body does not contain "z": "GET / host=localhost x="`, "GET / host=localhost x="},
		{analyzer.Step{HTTP: &analyzer.HTTPStep{Port: 1, Path: "/"}}, "GET /", "port 1 does not speak HTTP", ""},
		{analyzer.Step{TCP: &analyzer.TCPStep{Port: talk.Port, Send: "hi\n", Expect: "you said"}}, `tcp TALK "hi\n"`, ok, "you said hi\n"},
		{analyzer.Step{TCP: &analyzer.TCPStep{Port: talk.Port, Send: "GET \n", Expect: "you said"}}, `tcp TALK "GET \n"`,
			`the answer does not contain "you said": ""`, ""},
		{analyzer.Step{TCP: &analyzer.TCPStep{Port: 1}}, `tcp 1 ""`, "the application does not listen on port 1", ""},
		{analyzer.Step{Exec: &analyzer.ExecStep{Line: "id", Text: "33"}}, "exec: id", ok, "uid=33"},
		{analyzer.Step{Exec: &analyzer.ExecStep{Argv: []string{"id"}, Text: "34"}}, "exec: id", `the output does not contain "34": "uid=33"`,
			"uid=33"},
		{analyzer.Step{Exec: &analyzer.ExecStep{Line: "fail"}}, "exec: fail", `exit 3, expected 0: "no such table"`, ""},
		{analyzer.Step{Exec: &analyzer.ExecStep{Line: "fail", Status: 3}}, "exec: fail", ok, ""},
		{analyzer.Step{Exec: &analyzer.ExecStep{Line: "gone"}}, "exec: gone", "no such program", ""},
		{analyzer.Step{Wait: &analyzer.WaitStep{Port: talk.Port}}, "wait for port TALK", ok, ""},
		{analyzer.Step{Wait: &analyzer.WaitStep{Port: 1, Seconds: 1}}, "wait for port 1", "nothing listens on it", ""},
		{analyzer.Step{Wait: &analyzer.WaitStep{Seconds: 1}}, "wait 1 s", ok, ""},
		{analyzer.Step{}, "step", "it asks for nothing", ""},
	} {
		sockets := []analyzer.Socket{web, talk}
		slices.SortFunc(sockets, func(a, b analyzer.Socket) int { return a.Port - b.Port })
		f := newFake(sockets...)
		f.exec = program
		out, _ := run(t, f, &analyzer.Job{Timeout: 20, Process: analyzer.Entry{Exposed: []string{exposedWeb, exposedTalk}},
			Steps: []analyzer.Step{test.step}})
		if len(out.Answers) != 1 {
			t.Errorf("%+v: %d answers", test.step, len(out.Answers))
			continue
		}
		a := out.Answers[0]
		name := strings.NewReplacer("PORT", fmt.Sprint(web.Port), "TALK", fmt.Sprint(talk.Port)).Replace(test.name)
		if a.Probe != name || a.OK != (test.error == ok) || a.Error != test.error || string(a.Body) != test.body {
			t.Errorf("%s: probe %q, OK %t, error %q, body %q, want %q, %q", test.name, a.Probe, a.OK, a.Error, a.Body, test.error, test.body)
		}
		if want := failure(a); out.Failure != want {
			t.Errorf("%s: failure %q, want %q", test.name, out.Failure, want)
		}
	}
}

func failure(a analyzer.Answer) string {
	if a.OK {
		return ""
	}
	return a.Probe + ": " + a.Error
}

func TestStepsNamesAndFirstFailure(t *testing.T) {
	f := newFake()
	f.exec = program
	step := func(line string) analyzer.Step { return analyzer.Step{Exec: &analyzer.ExecStep{Line: line}} }
	out, log := run(t, f, &analyzer.Job{Steps: []analyzer.Step{step("id"), step("fail"), step("id"), step("gone")}})
	want := []string{"exec: id | true 0", `exec: fail | false 3 exit 3, expected 0: "no such table"`, "exec: id #2 | true 0",
		"exec: gone | false 0 no such program"}
	if diff := cmp.Diff(want, lines(out, -1)); diff != "" {
		t.Error(diff)
	}
	if want := `exec: fail: exit 3, expected 0: "no such table"`; out.Failure != want || out.Kind != analyzer.KindServer {
		t.Errorf("%s, failure %q, want %q", out.Kind, out.Failure, want)
	}
	if want := "probe: exec: id exit 0, 6 bytes\n"; !strings.HasPrefix(log, want) {
		t.Errorf("log %q, want %q", log, want)
	}
}

func TestHealth(t *testing.T) {
	socket := analyzer.Socket{Network: "udp", Port: 53}
	for _, test := range []struct {
		name  string
		check analyzer.Healthcheck
		shell []string
		bad   int // tries before it is healthy
		argv  []string
		want  []string
	}{
		{"cmd", analyzer.Healthcheck{Test: []string{"CMD", "ok", "-q"}}, nil, 0, []string{"ok", "-q"}, []string{"healthcheck | true 0"}},
		{"shell", analyzer.Healthcheck{Test: []string{"CMD-SHELL", "a || b"}}, nil, 2, []string{"/bin/sh", "-c", "a || b"},
			[]string{"healthcheck | true 0"}},
		{"own shell", analyzer.Healthcheck{Test: []string{"CMD-SHELL", "a"}}, []string{"/bin/bash", "-ec"}, 9, []string{"/bin/bash", "-ec", "a"},
			[]string{"healthcheck | false 1 exit 1, expected 0"}},
		{"none", analyzer.Healthcheck{Test: []string{"NONE"}}, nil, 0, nil, nil},
		{"odd", analyzer.Healthcheck{Test: []string{"WHAT", "x"}}, nil, 0, nil, nil},
	} {
		f := newFake(socket)
		f.exec = func(Command) (Result, error) {
			if len(f.ran) <= test.bad {
				return Result{ExitCode: 1}, nil
			}
			return Result{}, nil
		}
		out, _ := run(t, f, &analyzer.Job{AutoProbe: true, Process: analyzer.Entry{Healthcheck: &test.check, Shell: test.shell}})
		if diff := cmp.Diff(test.want, lines(out, -1)); diff != "" || out.Failure != "" {
			t.Errorf("%s: failure %q, answers:\n%s", test.name, out.Failure, diff)
		}
		if len(f.ran) > 0 && !slices.Equal(f.ran[0].Argv, test.argv) || (len(f.ran) == 0) != (test.argv == nil) {
			t.Errorf("%s: ran %v, want %q", test.name, f.ran, test.argv)
		}
	}
}

func TestProbeImage(t *testing.T) {
	for code, want := range map[int]string{0: "", 2: "probe-image: test.sh 'a b': exit 2, expected 0"} {
		f := newFake(analyzer.Socket{Network: "udp", Port: 53})
		f.exec = func(Command) (Result, error) {
			return Result{ExitCode: code, Stdout: []byte(time.Now().String()), StdoutSize: 9, StdoutSHA: "00"}, nil
		}
		job := &analyzer.Job{ProbeRoot: "/probe", ProbeArgv: []string{"test.sh", "a b"}, ProbeEnv: []string{"A=b"}, ProbeDir: "/w"}
		out, _ := run(t, f, job)
		answer := analyzer.Answer{Probe: "probe-image: test.sh 'a b'", OK: code == 0, Status: code}
		if code != 0 {
			answer.Error = "exit 2, expected 0"
		}
		if diff := cmp.Diff([]analyzer.Answer{answer}, out.Answers); diff != "" || out.Failure != want {
			t.Errorf("failure %q, want %q, answers:\n%s", out.Failure, want, diff)
		}
		if diff := cmp.Diff([]Command{{Argv: job.ProbeArgv, Env: job.ProbeEnv, Dir: "/w", Root: "/probe"}}, f.ran); diff != "" {
			t.Error(diff)
		}
	}
}
