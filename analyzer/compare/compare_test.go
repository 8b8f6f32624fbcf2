package compare

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// answer is a good one with this body.
func answer(probe, body string) analyzer.Answer {
	return analyzer.Answer{Probe: probe, OK: true, Body: []byte(body), Size: int64(len(body)), SHA256: fmt.Sprintf("%064x", body)}
}

// differences are a verdict's, one line each.
func differences(v *analyzer.Verdict) []string {
	var list []string
	for _, d := range v.Differences {
		text := fmt.Sprintf("%s/%s %s: want %s, got %s", d.Run, d.Probe, d.What, d.Want, d.Got)
		if d.Path != "" {
			text += " (" + d.Path.String() + ")"
		}
		list = append(list, text)
	}
	return list
}

func server(answers ...analyzer.Answer) analyzer.Run {
	return analyzer.Run{Name: "default", Kind: analyzer.KindServer, Answers: answers}
}

func command(status int, stdout, stderr string) analyzer.Run {
	a := answer("output", stdout)
	a.Status, a.Stderr = status, []byte(stderr)
	return analyzer.Run{Name: "default", Kind: analyzer.KindCommand, ExitCode: status, Answers: []analyzer.Answer{a}}
}

func page(status int, header string) analyzer.Answer {
	a := answer("GET http://127.0.0.1:80/", "hello")
	a.Status, a.Header, a.OK = status, header, status < 500
	return a
}

func failed(r analyzer.Run, text string) analyzer.Run {
	r.Failure = text
	return r
}

func withAnswer(r analyzer.Run) analyzer.Run {
	r.Answers = []analyzer.Answer{{Probe: "healthcheck", OK: true}}
	return r
}

func listening(s ...analyzer.Socket) analyzer.Run {
	return analyzer.Run{Name: "default", Kind: analyzer.KindServer, Listen: s}
}

// inHome is a command that printed something of its home directory.
func inHome(home, text string) analyzer.Run {
	r := command(0, text, "")
	r.Home = home
	return r
}

// TestVerdictCounts: a connection that was accepted is no answer.
func TestVerdictCounts(t *testing.T) {
	original := observation(server(page(200, ""), analyzer.Answer{Probe: "connect 127.0.0.1:9", OK: true, Connected: true}))
	if v := Verdict(original, nil, original); !v.OK || v.Checked != 1 || v.Connected != 1 {
		t.Errorf("Verdict = OK %t, %d checked, %d connected, want 1 and 1", v.OK, v.Checked, v.Connected)
	}
}

func TestCompare(t *testing.T) {
	refused := analyzer.Answer{Probe: "connect 127.0.0.1:9", Error: "dial: connection refused"}
	accepted := analyzer.Answer{Probe: "connect 127.0.0.1:9", OK: true, Connected: true}
	refusedElsewhere := analyzer.Answer{Probe: "connect 127.0.0.1:8"}
	broken := page(200, "")
	broken.OK, broken.Error = false, "the body broke off: EOF"
	exec := analyzer.Answer{Probe: "exec: id", OK: true}
	execFailed := analyzer.Answer{Probe: "exec: id", Status: 127, Stderr: []byte("id: not found\n"),
		Error: `exit 127, expected 0: "id: not found"`}
	dns, local := analyzer.Socket{Network: "udp", Port: 53}, analyzer.Socket{Network: "unix", Path: "run/s"}
	long := page(200, "")
	long.SHA256, long.Size = strings.Repeat("a", 64), 1<<20
	longer := long
	longer.SHA256 = strings.Repeat("b", 64)
	for _, test := range []struct {
		name       string
		want, got  analyzer.Run
		again      *analyzer.Run
		difference []string
		volatile   []string
	}{
		{"equal", server(page(200, "")), server(page(200, "")), nil, nil, nil},
		{"extra", server(accepted), server(accepted, page(500, "")), nil, nil, nil},
		{"status", server(page(200, "")), server(page(404, "")), nil,
			[]string{"default/GET http://127.0.0.1:80/ status: want 200, got 404: hello"}, nil},
		{"status that varies", server(page(200, "")), server(page(404, "")), run(server(page(503, ""))), nil,
			[]string{"GET http://127.0.0.1:80/"}},
		{"header", server(page(200, "content-type: text/css")), server(page(200, "content-type: text/plain")), nil,
			[]string{"default/GET http://127.0.0.1:80/ header: want content-type: text/css, got content-type: text/plain"}, nil},
		{"header that varies", server(page(302, "location: /s/1a")), server(page(302, "location: /s/3c")),
			run(server(page(302, "location: /s/2b"))), nil, []string{"GET http://127.0.0.1:80/"}},
		{"missing answer", server(accepted), server(), nil, []string{"default/connect 127.0.0.1:9 error: want an answer, got none"}, nil},
		{"answer that comes and goes", server(accepted), server(), run(server(refusedElsewhere)), nil, []string{"connect 127.0.0.1:9"}},
		{"a port that speaks at last", server(accepted),
			server(analyzer.Answer{Probe: "GET http://127.0.0.1:9/", OK: true, Protocol: "http"}), nil, nil, nil},
		{"a port that speaks another protocol at last", server(accepted),
			server(analyzer.Answer{Probe: "redis 127.0.0.1:9", OK: true, Protocol: "redis"}), nil, nil, nil},
		{"another port that speaks", server(accepted), server(analyzer.Answer{Probe: "redis 127.0.0.1:99", OK: true, Protocol: "redis"}), nil,
			[]string{"default/connect 127.0.0.1:9 error: want an answer, got none"}, nil},
		{"refused", server(accepted), server(refused), nil,
			[]string{"default/connect 127.0.0.1:9 error: want an answer, got dial: connection refused"}, nil},
		{"refused before", server(refused), server(accepted), nil, nil, nil},
		{"broken off", server(page(200, "")), server(broken), nil,
			[]string{"default/GET http://127.0.0.1:80/ error: want an answer, got the body broke off: EOF"}, nil},
		{"exit code", command(0, "1.2\n", ""), command(1, "", "no module\n"), nil, []string{"default/output exit: want 0, got 1: no module"},
			nil},
		{"standard error", command(0, "", "a\nb"), command(0, "", "a\nc"), nil, []string{"default/output stderr: want b, got c"}, nil},
		{"standard output ends early", command(0, "a\nb\n", ""), command(0, "a\n", ""), nil,
			[]string{"default/output body: want b, got (nothing more)"}, nil},
		{"more of it", command(0, "a", ""), command(0, "a\nb", ""), nil, []string{"default/output body: want (nothing more), got b"}, nil},
		{"did not run", command(0, "a", ""), failed(analyzer.Run{Name: "default", Kind: analyzer.KindCommand}, "no such file"), nil,
			[]string{"default/run ready: want it ran, got no such file"}, nil},
		{"server ended", server(accepted), failed(command(1, "", "x\nno config\n"), ""), nil,
			[]string{"default/run ready: want a server, got a command: no config"}, nil},
		{"server failed", server(accepted), failed(server(accepted), "it ended"), nil,
			[]string{"default/run ready: want it ran, got it ended"}, nil},
		{"server failed before, too", failed(server(accepted), "it ended"), failed(server(accepted), "it ended"), nil, nil, nil},
		{"step failed", server(exec), failed(server(execFailed), "exec: id: "+execFailed.Error), nil,
			[]string{`default/exec: id exit: want 0, got 127: exit 127, expected 0: "id: not found"`}, nil},
		{"signal", command(139, "", ""), func() analyzer.Run { r := command(139, "", ""); r.Signal = "SIGSEGV"; return r }(), nil,
			[]string{"default/run exit: want 139, got SIGSEGV"}, nil},
		{"udp and unix sockets", listening(dns, local), listening(dns), nil,
			[]string{"default/listen unix /run/s error: want a socket, got none"}, nil},
		{"socket named after user and process", listening(analyzer.Socket{Network: "unix", Path: "tmp/x-0/30.pipe"}),
			listening(analyzer.Socket{Network: "unix", Path: "tmp/x-65532/7.pipe"}), nil, nil, nil},
		{"socket of another name", listening(analyzer.Socket{Network: "unix", Path: "tmp/x-0/30.pipe"}),
			listening(analyzer.Socket{Network: "unix", Path: "tmp/y-0/30.pipe"}), nil,
			[]string{"default/listen unix /tmp/x-0/30.pipe error: want a socket, got none"}, nil},
		{"home of another user", inHome("/root", "at /root/.x, /root\n"), inHome("/home/nonroot", "at /home/nonroot/.x, /home/nonroot\n"),
			nil, nil, nil},
		{"what only looks like home", inHome("/root", "at /rootfs\n"), inHome("/home/nonroot", "at /home/nonrootfs\n"), nil,
			[]string{"default/output body: want at /rootfs, got at /home/nonrootfs"}, nil},
		{"no home", inHome("/", "at /x\n"), inHome("/home/nonroot", "at /home/nonroot/x\n"), nil,
			[]string{"default/output body: want at /x, got at /home/nonroot/x"}, nil},
		{"socket that varies", withAnswer(listening(local)), withAnswer(listening()), run(withAnswer(listening())), nil,
			[]string{"listen unix /run/s"}},
		{"a second observation that went wrong", server(accepted), server(), run(failed(server(), "it did not listen")),
			[]string{"default/connect 127.0.0.1:9 error: want an answer, got none"}, nil},
		{"a second observation that ended", server(accepted), server(), run(command(1, "", "")),
			[]string{"default/connect 127.0.0.1:9 error: want an answer, got none"}, nil},
		{"beyond what is kept", server(long), server(longer), nil,
			[]string{"default/GET http://127.0.0.1:80/ body: want 1048576 bytes, SHA-256 " + long.SHA256 + ", got 1048576 bytes, SHA-256 " +
				longer.SHA256}, nil},
		{"varies beyond what is kept", server(long), server(longer), run(server(page(200, ""))), nil, []string{"GET http://127.0.0.1:80/"}},
	} {
		var again *analyzer.Evidence
		if test.again != nil {
			again = observation(*test.again)
		}
		v := Verdict(observation(test.want), again, observation(test.got))
		if diff := cmp.Diff(test.difference, differences(v)); diff != "" {
			t.Errorf("%s: differences (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.volatile, v.Volatile); diff != "" {
			t.Errorf("%s: volatile (-want +got):\n%s", test.name, diff)
		}
		if v.OK != (len(test.difference) == 0) || v.Schema != analyzer.VerdictSchema || v.Checked+v.Connected+v.Silent != len(test.want.Answers) {
			t.Errorf("%s: OK %t, schema %q, %d checked, %d connected", test.name, v.OK, v.Schema, v.Checked, v.Connected)
		}
	}
}

func run(r analyzer.Run) *analyzer.Run { return &r }

func TestCompareRunIsMissing(t *testing.T) {
	other := command(0, "", "")
	other.Name = "-v"
	v := Verdict(observation(server(), other), nil, observation(server()))
	if diff := cmp.Diff([]string{"-v/run ready: want it ran, got it was not run"}, differences(v)); diff != "" {
		t.Error(diff)
	}
}

func TestNeedsSecond(t *testing.T) {
	for _, test := range []struct {
		name      string
		want, got analyzer.Run
		second    bool
	}{
		{"equal", command(0, "a", ""), command(0, "a", ""), false},
		{"body", command(0, "a", ""), command(0, "b", ""), true},
		{"not ready", server(), failed(server(), "it did not listen"), false},
	} {
		if got := NeedsSecond(observation(test.want), observation(test.got)); got != test.second {
			t.Errorf("%s: NeedsSecond = %t, want %t", test.name, got, test.second)
		}
	}
}

func TestMissing(t *testing.T) {
	original := observation(command(0, "", ""))
	original.Paths = []analyzer.PathUse{use("etc/a", analyzer.OpOpen), use("lib", analyzer.OpHop, analyzer.OpReadlink),
		use("opt/app/x", analyzer.OpStat), use("tmp/t", analyzer.OpCreate, analyzer.OpOpen), use("var/run", analyzer.OpCreate),
		use("etc/denied", analyzer.OpOpen)}
	slim := observation(command(1, "", "open /etc/a: no such file, nor /etc/never\n"))
	slim.Missing = []analyzer.MissingPath{
		missing("etc/a", "ENOENT"), missing("etc/denied", "EACCES"), missing("etc/never", "ENOENT"), missing("lib/libx.so", "ENOENT"),
		missing("lib/liby.so", "ENOENT"),
		missing("opt/app", "ENOENT"), missing("opt/app/other", "ENOENT"), missing("tmp/t", "ENOENT"), missing("var/run/x", "ENOTDIR"),
	}
	v := Verdict(original, nil, slim)
	want := []analyzer.MissingPath{missing("etc/a", "ENOENT"), missing("lib", "ENOENT"), missing("opt/app", "ENOENT")}
	if diff := cmp.Diff(want, v.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"default/output exit: want 0, got 1: open /etc/a: no such file, nor /etc/never (/etc/a)"},
		differences(v)); diff != "" {
		t.Error(diff)
	}
	if p := anyParent("a/b/c", map[layers.Path]bool{"a": true}); p != "a" {
		t.Errorf("anyParent = %q, want a", p)
	}
}

func TestShorten(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"a\n\tb\x00\xffc  d\u202e", "a b c d"},
		{"", ""},
		{strings.Repeat("é", 200), strings.Repeat("é", 78) + "..."},
		{strings.Repeat("x", 1<<20), strings.Repeat("x", 157) + "..."},
	} {
		if got := shorten(test.text); got != test.want || len(got) > maxShown {
			t.Errorf("shorten(%.20q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func TestAlike(t *testing.T) {
	for _, test := range []struct {
		name             string
		want, again, got string
		alike            bool
	}{
		{"nothing varies", "a", "a", "b", false},
		{"date", "built Tue Nov 24 11:29:26 UTC 2026 ok", "built Tue Nov 24 11:29:27 UTC 2026 ok", "built Wed Nov  5 00:00:01 UTC 2026 ok", true},
		{"date and another word", "built Tue Nov 24 11:29:26 UTC 2026 ok", "built Tue Nov 24 11:29:27 UTC 2026 ok",
			"built Tue Nov 24 11:29:28 UTC 2026 no", false},
		{"RFC 3339", `{"t":"2026-11-24T11:59:59.1Z","n":1}`, `{"t":"2026-11-24T11:59:59.9Z","n":1}`, `{"t":"2026-11-24T12:00:00Z","n":1}`, true},
		{"RFC 3339 and a number", `{"t":"2026-11-24T11:59:59.1Z","n":1}`, `{"t":"2026-11-24T11:59:59.9Z","n":1}`,
			`{"t":"2026-11-24T12:00:00Z","n":2}`, false},
		{"RFC 1123", "x Tue, 24 Nov 2026 11:29:26 GMT", "x Tue, 24 Nov 2026 11:29:27 GMT", "x Wed, 25 Nov 2026 00:00:00 GMT", true},
		{"common log", "[24/Nov/2026:11:29:26 +0000] GET", "[24/Nov/2026:11:29:27 +0000] GET", "[25/Nov/2026:00:00:00 +0000] GET", true},
		{"clock of a day", "at 9:59 AM, 3 users", "at 10:00 AM, 3 users", "at 12:01 PM, 3 users", true},
		{"UUID", "id=6fa459ea-ee8a-3ca4-894e-db77e160355e;", "id=16fd2706-8baf-433b-82cb-8c7fada847da;",
			"id=886313e1-3b8a-5372-9b90-0c9aee199e5d;", true},
		{"base64", "csrf a/b+c== end", "csrf d+e/fg= end", "csrf xyzw end", true},
		{"empty where both have something", "id: a1, x", "id: b2, x", "id: , x", false},
		{"pid", "worker [12] up\nready", "worker [31] up\nready", "worker [7] up\nready", true},
		{"pid, and not ready", "worker [12] up\nready", "worker [31] up\nready", "worker [7] up\nfailed", false},
		{"port", "127.0.0.1:40123 -> 80", "127.0.0.1:40999 -> 80", "127.0.0.1:53000 -> 80", true},
		{"port, and the fixed one too", "127.0.0.1:40123 -> 80", "127.0.0.1:40999 -> 80", "127.0.0.1:53000 -> 81", false},
		{"width", "took   9 ms", "took  10 ms", "took 1234 ms", true},
		{"more lines at times", "start\nwait\ndone", "start\nwait\nwait\nwait\ndone", "start\nwait\nwait\ndone", true},
		{"other lines at times, and one gone", "start\nwait\ndone", "start\nwait\nwait\nwait\ndone", "start\nwait", false},
		{"lengths differ and all is gone", "start 1\ndone", "start 2\nretry\nmore\ndone", "", false},
		{"order of lines", "a 1\nb 2\nc 3\n", "c 3\na 1\nb 2\n", "b 2\nc 3\na 1\n", true},
		{"order of lines, one changed", "a\nb\nc\n", "c\na\nb\n", "b\nx\na\n", false},
		{"order and times of lines", "10:00:01 a\n10:00:02 b\n", "10:00:03 b\n10:00:04 a\n", "10:00:05 b\n10:00:06 a\n", true},
		{"order and times of lines, one changed", "10:00:01 a\n10:00:02 b\n", "10:00:03 b\n10:00:04 a\n", "10:00:05 b\n10:00:06 c\n", false},
		{"order and times of lines, a stable number changed", "10:00:01 a\n10:00:02 b\nrows 5\n", "10:00:03 b\n10:00:04 a\nrows 5\n",
			"10:00:05 b\n10:00:06 a\nrows 0\n", false},
		{"order of words", "{'a', 'b'}", "{'b', 'a'}", "{'b', 'a'}", true},
		{"another order of words", "{'a', 'b', 'c'}", "{'a', 'c', 'b'}", "{'c', 'b', 'a'}", true},
		{"order of words, one changed", "{'a', 'b', 'c'}", "{'a', 'c', 'b'}", "{'c', 'b', 'd'}", false},
		{"stable number beside a volatile one", "time 12\nrows 5", "time 13\nrows 5", "time 14\nrows 0", false},
		{"invented line in a stable place", "a 1\nb", "a 2\nb", "a 3\nerror\nb", false},
		{"binary", "\x00a", "\x00b", "\x00cc", true},
		{"binary and nothing", "\x00a", "\x00b", "", false},
	} {
		if got := alike([]byte(test.want), []byte(test.again), []byte(test.got)); got != test.alike {
			t.Errorf("%s: alike(%q, %q, %q) = %t, want %t", test.name, test.want, test.again, test.got, got, test.alike)
		}
	}
}

// FuzzAlike: an answer is always like the two it is judged by.
func FuzzAlike(f *testing.F) {
	f.Add([]byte("a 1\nb"), []byte("a 2\nb\n"), []byte("c"))
	f.Add([]byte("10:00 x\n"), []byte("\x00"), []byte(""))
	f.Fuzz(func(t *testing.T, want, again, got []byte) {
		alike(want, again, got)
		if !alike(want, again, want) || isText(again) && !alike(want, again, again) {
			t.Errorf("want %q, again %q: not like itself", want, again)
		}
	})
}

func BenchmarkAlike(b *testing.B) {
	var texts [3][]byte
	for i := range texts {
		for n := 0; len(texts[i]) < analyzer.MaxBody-64; n++ {
			texts[i] = fmt.Appendf(texts[i], "2026-11-24T11:29:%02d line %d of %d\n", i, n, bytes.Count(texts[i], []byte("7")))
		}
	}
	for b.Loop() {
		if !alike(texts[0], texts[1], texts[2]) {
			b.Fatal("not alike")
		}
	}
}

// observation is evidence of the image "sha256:1" with these runs.
func observation(runs ...analyzer.Run) *analyzer.Evidence {
	return &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64", Runs: runs}
}

func use(path layers.Path, ops ...analyzer.Op) analyzer.PathUse {
	return analyzer.PathUse{Path: path, Ops: ops}
}

func missing(path layers.Path, errno string) analyzer.MissingPath {
	return analyzer.MissingPath{Path: path, Errno: errno, Ops: []analyzer.Op{analyzer.OpOpen}}
}

// FuzzVerdict: evidence of any content compares to itself without a panic.
func FuzzVerdict(f *testing.F) {
	var buf bytes.Buffer
	if err := observation(server(page(200, ""))).Write(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := analyzer.ReadEvidence(bytes.NewReader(data))
		if err != nil {
			return
		}
		if v := Verdict(e, nil, e); slices.ContainsFunc(v.Differences, func(d analyzer.Difference) bool { return d.What == "ready" }) {
			t.Errorf("Verdict(e, nil, e) = %v, want no run that is not ready", v.Differences)
		}
	})
}
