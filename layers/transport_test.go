package layers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestAttackRedirectLoop opens an image of a registry that answers one kind of request with redirects without end.
func TestAttackRedirectLoop(t *testing.T) {
	ours, nets := errRedirects.Error(), "stopped after 10 redirects"
	for kind, want := range map[string]string{"/v2/": nets, "/manifests/": ours, "/blobs/": ours, "/token": nets} {
		store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
		var hostile atomic.Bool
		var requests atomic.Int64
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := requests.Add(1)
			switch {
			case !hostile.Load():
				store.ServeHTTP(w, r)
			case strings.Contains(r.URL.Path, kind) && (kind != "/v2/" || r.URL.Path == kind):
				http.Redirect(w, r, r.URL.Path+"?n="+strconv.FormatInt(n, 10), http.StatusTemporaryRedirect)
			case kind == "/token":
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
			default:
				store.ServeHTTP(w, r)
			}
		}))
		defer server.Close()
		ref := strings.TrimPrefix(server.URL, "http://") + "/app"
		must(t, remote.Write(tag(t, ref), small(t)))
		requests.Store(0)
		hostile.Store(true)
		_, err := Open(context.Background(), ref, OpenOptions{Platform: &amd64})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Open = %v, want %q", kind, err, want)
		}
		if n := requests.Load(); n > 3*(maxRedirects+1) {
			t.Errorf("%s: Open made %d requests", kind, n)
		}
	}
}

// TestAttackEndlessAnswer asks a registry for what has a bound, and it never stops sending.
func TestAttackEndlessAnswer(t *testing.T) {
	for _, kind := range []string{"/v2/", "/v2/app/manifests/latest", "/v2/blobs/manifests/latest", "/moved"} {
		var served atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != kind && kind == "/moved" {
				http.Redirect(w, r, kind, http.StatusTemporaryRedirect)
				return
			}
			n, _ := io.Copy(w, io.LimitReader(zeros{}, 64<<20)) // the reader hangs up
			served.Add(n)
		}))
		client := http.Client{Transport: BoundedTransport(http.DefaultTransport)}
		resp, err := client.Get(server.URL + strings.Replace(kind, "/moved", "/v2/app/manifests/latest", 1))
		must(t, err)
		n, err := io.Copy(io.Discard, resp.Body)
		if !errors.Is(err, errTooLarge) || n > maxManifest+1<<16 {
			t.Errorf("%s: read %d bytes, %v, want %v", kind, n, err, errTooLarge)
		}
		resp.Body.Close()
		server.Close()
	}
}

// TestAttackSlowAnswer talks to servers that keep a client waiting: no head, no body, and a byte now and then. The clock is that of
// synctest, so the load of the machine changes nothing.
func TestAttackSlowAnswer(t *testing.T) {
	for name, want := range map[string]error{"none": errSlow, "head": errSlow, "drip": errSlow, "steady": nil} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { slowAnswer(t, name, want) }) })
	}
}

func slowAnswer(t *testing.T, name string, want error) {
	conns := make(pipes)
	server := &http.Server{Handler: http.HandlerFunc(slowHandler)}
	go server.Serve(conns)
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, its := net.Pipe()
		conns <- its
		return ours, nil
	}
	inner := &http.Transport{DialContext: dial}
	start := time.Now()
	client := http.Client{Transport: BoundedTransport(inner)}
	resp, err := client.Get("http://registry.test/v2/app/blobs/" + name)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if took := time.Since(start); !errors.Is(err, want) || took > 6*maxStall {
		t.Errorf("%v after %v, want %v", err, took, want)
	}
	inner.CloseIdleConnections()
	server.Close()
}

// slowHandler answers as the last element of the path says.
func slowHandler(w http.ResponseWriter, r *http.Request) {
	switch path.Base(r.URL.Path) {
	case "none":
		<-r.Context().Done()
	case "head":
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "drip":
		for range 100 { // far longer than the limit
			w.Write([]byte{0})
			w.(http.Flusher).Flush()
			pause(r.Context(), maxStall/8)
		}
	case "steady": // longer than the limit, and never slow
		for range 6 {
			w.Write(bytes.Repeat([]byte{0}, stallBytes))
			w.(http.Flusher).Flush()
			pause(r.Context(), maxStall/4)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// pipes is a net.Listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "registry.test"} }
