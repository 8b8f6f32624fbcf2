//go:build e2e

package integration

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// peeked is a connection whose first bytes were looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// fakeDocker implements the parts of a recent Docker engine that slim uses: the version, and BuildKit's gRPC on the same socket, which here
// goes on to a real buildkitd with the label of an engine that keeps its images in containerd.
func fakeDocker(t *testing.T) string {
	t.Helper()
	daemon := strings.TrimPrefix(startBuildkitd(t, "--oci-worker-labels", "org.mobyproject.buildkit.worker.snapshotter=overlayfs"), "unix://")
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	api := &oneConnections{ch: make(chan net.Conn)}
	go http.Serve(api, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.50")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
		case strings.HasSuffix(r.URL.Path, "/version"):
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"Version": "29.0.0", "ApiVersion": "1.50", "MinAPIVersion": "1.40", "Os": "linux", "Arch": "amd64"}`)
		default:
			http.NotFound(w, r)
		}
	}))
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				api.Close()
				return
			}
			go split(conn, daemon, api.ch)
		}
	}()
	return "unix://" + socket
}

// split sends a connection that begins as HTTP/2 (RFC 9113, 3.4) to the daemon, any other to the API.
func split(conn net.Conn, daemon string, api chan<- net.Conn) {
	r := bufio.NewReader(conn)
	if head, err := r.Peek(3); err != nil || string(head) != "PRI" {
		api <- peeked{conn, r}
		return
	}
	other, err := net.Dial("unix", daemon)
	if err != nil {
		conn.Close()
		return
	}
	go func() {
		io.Copy(other, r)
		other.(*net.UnixConn).CloseWrite()
	}()
	io.Copy(conn, other)
	conn.Close()
	other.Close()
}

// oneConnections is a listener of connections that were accepted elsewhere.
type oneConnections struct{ ch chan net.Conn }

func (l *oneConnections) Accept() (net.Conn, error) {
	conn, ok := <-l.ch
	if !ok {
		return nil, errors.New("closed")
	}
	return conn, nil
}
func (l *oneConnections) Close() error   { return nil }
func (l *oneConnections) Addr() net.Addr { return &net.UnixAddr{Name: "fake", Net: "unix"} }

// TestDockerEngine builds with the BuildKit of a Docker engine, asked for and found: the layers are those of the embedded one.
func TestDockerEngine(t *testing.T) {
	ref := small(t)
	_, want := built(t, ref)
	host := fakeDocker(t)
	t.Setenv("DOCKER_HOST", host)
	_, got := built(t, ref, "--engine", "docker")
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	sameLayers(t, want, got)
	out := slimEnv(t, []string{"DOCKER_HOST=" + host}, "observe", ref, "--engine", "auto", "-o", filepath.Join(t.TempDir(), "e.json"),
		"--progress", "plain")
	if out.code != 0 || !strings.Contains(out.stderr, "engine: BuildKit of Docker 29.0.0") {
		t.Errorf("auto: exit code %d\n%s", out.code, tail(out.stderr, 10))
	}
}
