package engine

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	mobyclient "github.com/moby/moby/client"
)

// dockerConfig is a directory with the configuration of a docker command that has one context, desktop.
func dockerConfig(t *testing.T, current string) string {
	t.Helper()
	dir := t.TempDir()
	meta := filepath.Join(dir, "contexts", "meta", fmt.Sprintf("%x", sha256.Sum256([]byte("desktop"))))
	if err := os.MkdirAll(meta, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(meta, "meta.json"):  `{"Name": "desktop", "Endpoints": {"docker": {"Host": "unix:///home/me/desktop.sock"}}}`,
		filepath.Join(dir, "config.json"): fmt.Sprintf(`{"currentContext": %q}`, current),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDockerOptions(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.sock")
	for _, test := range []struct{ name, host, context, current, want string }{
		{"the context in use", "", "", "desktop", "unix:///home/me/desktop.sock"},
		{"a context for this process", "", "desktop", "default", "unix:///home/me/desktop.sock"},
		{"DOCKER_HOST comes first", "unix://" + none, "desktop", "desktop", "unix://" + none},
		{"a context that is not there", "", "gone", "desktop", `error: the context "gone"`},
		{"over ssh", "ssh://me@example.com", "", "", "http://docker.example.com"},
	} {
		t.Setenv("DOCKER_HOST", test.host)
		t.Setenv("DOCKER_CONTEXT", test.context)
		got := ""
		options, err := dockerOptions(dockerConfig(t, test.current))
		if err != nil {
			got = "error: " + err.Error()
		} else if c, err := mobyclient.New(options...); err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else {
			got = c.DaemonHost()
			c.Close()
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: the engine is at %s, want %s", test.name, got, test.want)
		}
	}
}

func TestArchitecture(t *testing.T) {
	own := runtime.GOARCH
	for answer, want := range map[string]string{`{"Version": "29.0.0", "Arch": "riscv64"}`: "riscv64", `{}`: own, `?`: own} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, answer)
		}))
		c, err := mobyclient.New(mobyclient.WithHost("tcp://"+server.Listener.Addr().String()), mobyclient.WithAPIVersion("1.47"))
		if err != nil {
			t.Fatal(err)
		}
		if got := Architecture(t.Context(), c); got != want {
			t.Errorf("Architecture() of %s = %s, want %s", answer, got, want)
		}
		server.Close()
	}
}

func TestSockets(t *testing.T) {
	for system, want := range map[string][]string{
		"darwin":  {"/var/run/docker.sock", "/home/me/.docker/run/docker.sock"},
		"linux":   {"/var/run/docker.sock", "/home/me/.docker/desktop/docker.sock", "/run/user/7/docker.sock"},
		"windows": nil,
	} {
		if diff := cmp.Diff(want, sockets(system, "/home/me", "/run/user/7")); diff != "" {
			t.Errorf("sockets(%s): -want +got\n%s", system, diff)
		}
	}
	if diff := cmp.Diff([]string{"/var/run/docker.sock"}, sockets("linux", "", "")); diff != "" {
		t.Errorf("sockets without a home: -want +got\n%s", diff)
	}
}
