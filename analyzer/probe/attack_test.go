package probe

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slimimage/slim/analyzer"
)

// TestAttackForeignPort: a network that is shared has servers that are not the application's. Steps of a probe file name them by port, by
// URL and by another host on a port of the application; none of them may get a request.
func TestAttackForeignPort(t *testing.T) {
	var asked atomic.Int64
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer foreign.Close()
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("own " + r.Host)) }))
	defer own.Close()
	socket, exposed := on(t, own.Listener.Addr().String())
	other, _ := on(t, foreign.Listener.Addr().String())
	job := &analyzer.Job{AutoProbe: true, Timeout: 20, Process: analyzer.Entry{Exposed: []string{exposed}}, Steps: []analyzer.Step{
		{Name: "port", HTTP: &analyzer.HTTPStep{Port: other.Port, Path: "/delete"}},
		{Name: "url", HTTP: &analyzer.HTTPStep{URL: foreign.URL + "/delete"}},
		{Name: "tcp", TCP: &analyzer.TCPStep{Port: other.Port, Send: "GET /delete HTTP/1.0\r\n\r\n"}},
		{Name: "host", HTTP: &analyzer.HTTPStep{URL: strings.Replace(own.URL, "127.0.0.1", "elsewhere.invalid", 1)}},
	}}
	out, _ := run(t, newFake(socket), job)
	for _, a := range out.Answers {
		if want := a.Probe == "host" || strings.HasPrefix(a.Probe, "GET "); a.OK != want || want && !strings.HasPrefix(string(a.Body), "own ") {
			t.Errorf("%s: OK %t, error %q, body %q", a.Probe, a.OK, a.Error, a.Body)
		}
	}
	if n := asked.Load(); n > 0 || len(out.Answers) != 5 {
		t.Errorf("%d answers, and %d requests to a server that is not the application's", len(out.Answers), n)
	}
}
