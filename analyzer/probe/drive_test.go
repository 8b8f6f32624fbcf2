package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

// fake is a Target whose sockets and commands the test sets.
type fake struct {
	mu     sync.Mutex
	listen []analyzer.Socket
	exited chan struct{}
	exec   func(Command) (Result, error)
	ran    []Command
}

func newFake(sockets ...analyzer.Socket) *fake {
	return &fake{listen: sockets, exited: make(chan struct{})}
}

func (f *fake) Listening() ([]analyzer.Socket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.listen), nil
}

func (f *fake) set(sockets ...analyzer.Socket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listen = sockets
}

func (f *fake) Exited() <-chan struct{} { return f.exited }

func (f *fake) Exec(_ context.Context, c Command) (Result, error) {
	f.mu.Lock()
	f.ran = append(f.ran, c)
	f.mu.Unlock()
	return f.exec(c)
}

func quickPace() pace {
	return pace{poll: time.Millisecond, settle: 10 * time.Millisecond, exposed: 50 * time.Millisecond, weak: 300 * time.Millisecond,
		weakMore: 600 * time.Millisecond, ready: 500 * time.Millisecond, starting: time.Second, retry: time.Millisecond, health: 3,
		request: time.Second, greeting: 20 * time.Millisecond, quiet: 50 * time.Millisecond,
		told: time.Minute}
}

func run(t *testing.T, f *fake, job *analyzer.Job) (Outcome, string) {
	t.Helper()
	var log bytes.Buffer
	out, err := drive(t.Context(), f, job, &log, quickPace())
	if err != nil {
		t.Fatal(err)
	}
	return out, log.String()
}

// on is a TCP socket on this address, and its declaration.
func on(t *testing.T, address string) (analyzer.Socket, string) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	number, err2 := strconv.Atoi(text)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return analyzer.Socket{Network: "tcp", Address: host, Port: number}, text + "/tcp"
}

// serve starts a TCP server that gives each connection to f.
func serve(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
	return l.Addr().String()
}

func echo(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "GET ") {
			return
		}
		fmt.Fprintf(conn, "you said %s\n", lines.Text())
	}
}

// lines is what was answered, one line each; the port is PORT.
func lines(out Outcome, port int) []string {
	var list []string
	for _, a := range out.Answers {
		text := strings.TrimSuffix(fmt.Sprintf("%s | %t %d %s", a.Probe, a.OK, a.Status, a.Error), " ")
		list = append(list, strings.ReplaceAll(text, strconv.Itoa(port), "PORT"))
	}
	return list
}

func site() http.Handler {
	mux := http.NewServeMux()
	pages := map[string]string{
		"/{$}": `<a href="/b?x=1&amp;y=2">b</a><img src='a.css'><a href=c>c</a>` +
			`<a href="http://elsewhere/">e</a><a href="mailto:a@b">m</a><a href="#top">t</a>`,
		"/a.css":    `body { background: url("d.css") } p { background: url(data:x) }`,
		"/c":        `<a href="/broken">two</a>`,
		"/d.css":    `@import url(never)`,
		"/elsecase": "never asked",
	}
	for path, body := range pages {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "localhost" || r.Header.Get("Accept-Encoding") != "identity" {
				http.Error(w, "odd request", http.StatusTeapot)
				return
			}
			if strings.HasSuffix(path, ".css") {
				w.Header().Set("Content-Type", "text/css")
			}
			fmt.Fprint(w, body)
		})
	}
	mux.HandleFunc("/b", func(w http.ResponseWriter, r *http.Request) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		http.Redirect(w, r, scheme+"://localhost/moved?"+r.URL.RawQuery, http.StatusFound)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh", http.StatusInternalServerError) })
	return mux
}

func TestDriveHTTP(t *testing.T) {
	for _, start := range []func(http.Handler) *httptest.Server{httptest.NewServer, httptest.NewTLSServer} {
		server := start(site())
		defer server.Close()
		socket, exposed := on(t, server.Listener.Addr().String())
		job := &analyzer.Job{AutoProbe: true, Timeout: 20, Process: analyzer.Entry{Exposed: []string{exposed}}}
		out, log := run(t, newFake(socket), job)
		base := "GET " + strings.Replace(server.URL, strconv.Itoa(socket.Port), "PORT", 1)
		want := []string{
			base + "/ | true 200", base + "/a.css | true 200", base + "/b?x=1&y=2 | true 302", base + "/c | true 200",
			base + "/broken | false 500", base + "/d.css | true 200", base + "/moved?x=1&y=2 | true 404",
		}
		if diff := cmp.Diff(want, lines(out, socket.Port)); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		first, css := out.Answers[0], out.Answers[1]
		if out.Kind != analyzer.KindServer || out.Failure != "" || first.Header != "content-type: text/html; charset=utf-8" ||
			css.Header != "content-type: text/css" {
			t.Errorf("outcome %q %q, headers %q, %q", out.Kind, out.Failure, first.Header, css.Header)
		}
		if len(first.SHA256) != 64 || first.Size != int64(len(first.Body)) {
			t.Errorf("size %d of %d, SHA-256 %q", first.Size, len(first.Body), first.SHA256)
		}
		if line := fmt.Sprintf("probe: GET %s/ 200, %d bytes\n", server.URL, first.Size); !strings.HasPrefix(log, line) {
			t.Errorf("log %q does not begin with %q", log, line)
		}
		again, _ := run(t, newFake(socket), job)
		if diff := cmp.Diff(out, again); diff != "" {
			t.Errorf("another run gives another outcome:\n%s", diff)
		}
	}
}

// TestDriveIPv6: a port that only [::1] reaches is found there, whatever its wildcard says.
func TestDriveIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: site()}}
	server.Start()
	defer server.Close()
	for _, address := range []string{"::1", "::"} {
		socket, exposed := on(t, l.Addr().String())
		socket.Address = address
		out, _ := run(t, newFake(socket), &analyzer.Job{AutoProbe: true, Process: analyzer.Entry{Exposed: []string{exposed}}})
		if got := lines(out, socket.Port); len(got) == 0 || got[0] != "GET http://[::1]:PORT/ | true 200" {
			t.Errorf("%s: answers %q", address, got)
		}
	}
}

func TestTCPPorts(t *testing.T) {
	socket := func(network, address string, number int) analyzer.Socket {
		return analyzer.Socket{Network: network, Address: address, Port: number}
	}
	var got []string
	for _, p := range tcpPorts([]analyzer.Socket{
		socket("tcp", "::", 80), socket("tcp", "0.0.0.0", 80), socket("tcp", "::", 9), socket("tcp", "::1", 7), socket("tcp", "10.0.0.2", 8),
		socket("udp", "0.0.0.0", 53), {Network: "unix", Path: "s"},
	}) {
		got = append(got, p.address()+" "+p.other)
	}
	if diff := cmp.Diff([]string{"[::1]:7 ", "10.0.0.2:8 ", "127.0.0.1:9 ::1", "127.0.0.1:80 "}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDriveBounds(t *testing.T) {
	big := bytes.Repeat([]byte("x"), analyzer.MaxBody+100)
	page := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			page++
			fmt.Fprintf(w, "<a href=%s%d>", r.URL.Path, page)
		}
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(big) })
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	socket, exposed := on(t, server.Listener.Addr().String())
	job := &analyzer.Job{AutoProbe: true, Timeout: 20, Process: analyzer.Entry{Exposed: []string{exposed}},
		Steps: []analyzer.Step{{HTTP: &analyzer.HTTPStep{Path: "big"}}, {HTTP: &analyzer.HTTPStep{Path: "/stream"}}}}
	out, _ := run(t, newFake(socket), job)
	if len(out.Answers) != maxPages+2 {
		t.Fatalf("%d answers, want %d", len(out.Answers), maxPages+2)
	}
	whole, stream := out.Answers[maxPages], out.Answers[maxPages+1]
	if whole.Size != int64(len(big)) || len(whole.Body) != analyzer.MaxBody || !whole.OK {
		t.Errorf("big page: size %d, %d bytes kept, OK %t", whole.Size, len(whole.Body), whole.OK)
	}
	if !stream.OK || stream.Status != 200 || stream.Error != "the body did not end within 1s" || len(stream.Body) != 0 {
		t.Errorf("stream: %+v", stream)
	}
}

func TestDriveStarting(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	socket, exposed := on(t, server.Listener.Addr().String())
	f := newFake()
	time.AfterFunc(30*time.Millisecond, func() { f.set(socket) })
	out, _ := run(t, f, &analyzer.Job{AutoProbe: true, Timeout: 20, Process: analyzer.Entry{Exposed: []string{exposed}}})
	if diff := cmp.Diff([]string{"GET http://127.0.0.1:PORT/ | true 200"}, lines(out, socket.Port)); diff != "" {
		t.Error(diff)
	}
}

// TestDriveLatePort: a port opened after the first was probed is probed as well.
func TestDriveLatePort(t *testing.T) {
	second := serve(t, echo)
	late, exposedLate := on(t, second)
	f := newFake()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		f.set(append(f.listen[:1:1], late)...)
	}))
	defer server.Close()
	socket, exposed := on(t, server.Listener.Addr().String())
	f.set(socket)
	out, _ := run(t, f, &analyzer.Job{AutoProbe: true, Timeout: 20, Process: analyzer.Entry{Exposed: []string{exposed, exposedLate}}})
	if len(out.Answers) != 2 || out.Answers[1].Probe != "connect "+second || !out.Answers[1].OK {
		t.Errorf("answers %v", lines(out, socket.Port))
	}
	if diff := cmp.Diff([]analyzer.Socket{socket, late}, out.Listen); diff != "" {
		t.Error(diff)
	}
}

func TestDriveKinds(t *testing.T) {
	tcp, udp := analyzer.Socket{Network: "tcp", Address: "0.0.0.0", Port: 1}, analyzer.Socket{Network: "udp", Address: "0.0.0.0", Port: 53}
	chance, local := analyzer.Socket{Network: "tcp", Address: "0.0.0.0", Port: 40000}, analyzer.Socket{Network: "unix", Path: "run/s"}
	for _, test := range []struct {
		name    string
		sockets []analyzer.Socket
		ends    time.Duration // after which it ends by itself, 0 never
		job     analyzer.Job
		want    Outcome
	}{
		{"command", nil, 20 * time.Millisecond, analyzer.Job{}, Outcome{Kind: "command"}},
		{"command with steps", nil, 20 * time.Millisecond, analyzer.Job{Steps: []analyzer.Step{{Wait: &analyzer.WaitStep{Seconds: 1}}}},
			Outcome{Kind: "command", Failure: "it ended before it could be probed"}},
		{"command with a worker pool", []analyzer.Socket{chance, local}, 50 * time.Millisecond, analyzer.Job{}, Outcome{Kind: "command"}},
		{"neither", nil, 0, analyzer.Job{Timeout: 1},
			Outcome{Kind: "command", Failure: "it did not listen and did not end within 1 s (--timeout)"}},
		{"udp server", []analyzer.Socket{udp}, 0, analyzer.Job{}, Outcome{Kind: "server", Listen: []analyzer.Socket{udp}}},
		{"unix server", []analyzer.Socket{chance, local}, 0, analyzer.Job{}, Outcome{Kind: "server", Listen: []analyzer.Socket{local}}},
		{"declared port is missing", []analyzer.Socket{udp}, 0,
			analyzer.Job{Process: analyzer.Entry{Exposed: []string{"80/tcp", "9/udp", "1-2/tcp"}}},
			Outcome{Kind: "server", Listen: []analyzer.Socket{udp}}},
		{"refused", []analyzer.Socket{tcp}, 0, analyzer.Job{AutoProbe: true}, Outcome{Kind: "server", Listen: []analyzer.Socket{tcp},
			Answers: []analyzer.Answer{{Probe: "connect 127.0.0.1:1", Connected: true, Error: "dial: connect: connection refused"}}}},
	} {
		f := newFake(test.sockets...)
		if test.ends > 0 {
			time.AfterFunc(test.ends, func() { close(f.exited) })
		}
		out, _ := run(t, f, &test.job)
		if diff := cmp.Diff(test.want, out); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestDriveSetUpServer: a set-up phase that listens on a unix socket only is no server yet.
func TestDriveSetUpServer(t *testing.T) {
	address := serve(t, echo)
	socket, exposed := on(t, address)
	local := analyzer.Socket{Network: "unix", Path: "run/s"}
	f := newFake(local)
	time.AfterFunc(150*time.Millisecond, func() { f.set(socket, local) })
	out, _ := run(t, f, &analyzer.Job{AutoProbe: true, Process: analyzer.Entry{Exposed: []string{exposed}}})
	if len(out.Answers) != 1 || out.Answers[0].Probe != "connect "+address || !out.Answers[0].OK {
		t.Errorf("outcome %+v", out)
	}
}

func TestDriveServerEnds(t *testing.T) {
	f := newFake()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(f.exited) }))
	defer server.Close()
	socket, exposed := on(t, server.Listener.Addr().String())
	f.set(socket)
	out, _ := run(t, f, &analyzer.Job{AutoProbe: true, Process: analyzer.Entry{Exposed: []string{exposed}},
		Steps: []analyzer.Step{{Wait: &analyzer.WaitStep{Seconds: 9}}}})
	if out.Kind != analyzer.KindServer || out.Failure != "the server ended by itself while it was probed" || len(out.Answers) != 1 {
		t.Errorf("outcome %+v", out)
	}
}

func TestDriveCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := drive(ctx, newFake(), &analyzer.Job{}, io.Discard, quickPace()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// watched is a fake whose processes have a fate.
type watched struct {
	*fake
	fate Fate
}

func (w *watched) Fate() Fate { return w.fate }

// TestDriveWaits: a check waits for no longer than it was told, and not at all for an application that gave up; an observation does.
func TestDriveWaits(t *testing.T) {
	gaveUp := Fate{Failed: 1, Moves: 7, Said: []byte("starting\nmaster: FATAL: no such user\n")}
	for _, test := range []struct {
		name string
		fate Fate
		job  analyzer.Job
		want string
		took time.Duration // at most
	}{
		{"check", Fate{}, analyzer.Job{Timeout: 60, ReadyWithin: 1},
			"it did not listen and did not end within 1 s, several times what the original took", 2 * time.Second},
		{"check that gave up", gaveUp, analyzer.Job{Timeout: 60, ReadyWithin: 20},
			`it did not listen; a process of it failed, and it printed "master: FATAL: no such user"`, time.Second},
		{"check in which a process failed", Fate{Failed: 1, Moves: 7, Said: []byte("is there a fatality?\n")}, analyzer.Job{Timeout: 60,
			ReadyWithin: 1},
			"it did not listen and did not end within 1 s, several times what the original took", 2 * time.Second},
		{"check that complains", Fate{Moves: 7, Said: gaveUp.Said}, analyzer.Job{Timeout: 60, ReadyWithin: 1},
			"it did not listen and did not end within 1 s, several times what the original took", 2 * time.Second},
		{"observation", gaveUp, analyzer.Job{Timeout: 1}, "it did not listen and did not end within 1 s (--timeout)", 2 * time.Second},
	} {
		begin := time.Now()
		out, err := drive(t.Context(), &watched{newFake(), test.fate}, &test.job, io.Discard, quickPace())
		if took := time.Since(begin); err != nil || out.Failure != test.want || took > test.took {
			t.Errorf("%s: failure %q after %s, error %v, want %q within %s", test.name, out.Failure, took, err, test.want, test.took)
		}
	}
}

// TestDriveRecovers: an application whose processes still come and go, or that listens, has not given up.
func TestDriveRecovers(t *testing.T) {
	address := serve(t, echo)
	socket, exposed := on(t, address)
	f := &watched{newFake(socket), Fate{Failed: 1, Moves: 7, Said: []byte("FATAL: the database system is starting up\n")}}
	out, err := drive(t.Context(), f, &analyzer.Job{AutoProbe: true, ReadyWithin: 20, Process: analyzer.Entry{Exposed: []string{exposed}}},
		io.Discard, quickPace())
	if err != nil || out.Failure != "" || len(out.Answers) != 1 {
		t.Errorf("outcome %+v, error %v", out, err)
	}
}

func TestRoundReady(t *testing.T) {
	for took, want := range map[time.Duration]int{0: 0, 4 * time.Second: 0, 4*time.Second + 1: 8, 30 * time.Second: 32, 33 * time.Second: 64} {
		if got := roundReady(took); got != want {
			t.Errorf("roundReady(%s) = %d, want %d", took, got, want)
		}
	}
}

// TestWaits has the log say what a drive waits for and until when.
func TestWaits(t *testing.T) {
	job := &analyzer.Job{Timeout: 3600, Steps: []analyzer.Step{{Name: "slow", Wait: &analyzer.WaitStep{Seconds: 1}}}}
	p := quickPace()
	p.told = p.poll
	socket := analyzer.Socket{Network: "tcp", Address: "127.0.0.1", Port: 1}
	var log bytes.Buffer
	if _, err := drive(t.Context(), newFake(socket), job, &log, p); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^wait: for a server that listens, or for the end of the command, until \d\d:\d\d:\d\d UTC at the latest\n` +
		`wait: as the probe says, until \d\d:\d\d:\d\d UTC at the latest\nprobe: slow done\n$`)
	if !want.MatchString(log.String()) {
		t.Errorf("the log is %q, want %v", log.String(), want)
	}
}
