package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mobyclient "github.com/moby/moby/client"
)

// podmanAPI answers pings and the version as podman does.
var podmanAPI = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/_ping"):
		w.Header().Set("Api-Version", "1.41")
		io.WriteString(w, "OK")
	case strings.HasSuffix(r.URL.Path, "/version"):
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"Version":"4.3.1","ApiVersion":"1.41","Components":[{"Name":"Podman Engine","Version":"4.3.1"}]}`)
	default:
		http.NotFound(w, r)
	}
})

func servePodman(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	server := &http.Server{Handler: podmanAPI}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return "unix://" + listener.Addr().String()
}

func TestStore(t *testing.T) {
	podman := servePodman(t)
	none := "unix://" + filepath.Join(t.TempDir(), "none.sock")
	serveDocker(t, nil)
	docker := os.Getenv("DOCKER_HOST")
	for _, test := range []struct {
		name, store, docker, podman string
		want                        string // address, "" for an error
	}{
		{"Docker answers", "", docker, podman, docker},
		{"podman is wanted", "podman", docker, podman, podman},
		{"Docker is wanted", "docker", none, podman, ""},
		{"DOCKER_HOST is the user's choice", "", none, podman, ""},
		{"no podman there", "podman", docker, none, ""},
		{"a wrong name", "dockr", docker, podman, ""},
	} {
		t.Setenv(StoreVar, test.store)
		t.Setenv("DOCKER_HOST", test.docker)
		t.Setenv(podmanVar, test.podman)
		got := ""
		c, err := Store(t.Context())
		if err == nil {
			got = c.DaemonHost()
			if is := IsPodman(t.Context(), c); is != (got == podman) {
				t.Errorf("%s: IsPodman(%s) = %t", test.name, got, is)
			}
			c.Close()
		}
		if got != test.want {
			t.Errorf("%s: Store() = %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

// Podman has no BuildKit: the embedded one is used, and is not reported as a Docker that is too old.
func TestPodmanIsNoBuildKit(t *testing.T) {
	t.Setenv("BUILDKIT_HOST", "")
	t.Setenv("DOCKER_HOST", servePodman(t))
	var notices []string
	opt := Options{Notice: func(line string) { notices = append(notices, line) }}
	e, err := InDocker(t.Context(), &opt)
	if e != nil || err != nil || opt.Spec != KindEmbedded || len(notices) > 0 {
		t.Errorf("InDocker() = %v, %v, spec %q, notices %q, want none, embedded", e, err, opt.Spec, notices)
	}
	_, err = Connect(t.Context(), Options{Spec: KindDocker})
	if err == nil || !strings.Contains(err.Error(), "podman 4.3.1 has no BuildKit") {
		t.Errorf("Connect(docker) = %v, want that podman has no BuildKit", err)
	}
	opt = Options{Podman: true, Spec: KindDocker}
	if _, err := InDocker(t.Context(), &opt); err == nil {
		t.Error("InDocker(podman's images, docker) succeeded")
	}
}

// TestServePodman is not a test: it is the podman that TestPodmanService installs.
func TestServePodman(t *testing.T) {
	args := flag.Args()
	if len(args) != 5 || strings.Join(args[:3], " ") != "system service --time" {
		t.Skip("it is started by TestPodmanService")
	}
	listener, err := net.Listen("unix", strings.TrimPrefix(args[4], "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal(http.Serve(listener, podmanAPI))
}

// Where no socket of podman is, its service is started once, and ends with this process's stores.
func TestPodmanService(t *testing.T) {
	for _, host := range podmanHosts() {
		if _, err := os.Stat(strings.TrimPrefix(host, "unix://")); err == nil {
			t.Skip(host, " is there")
		}
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec %q -test.run '^TestServePodman$' -- \"$@\"\n", os.Args[0])
	if err := os.WriteFile(filepath.Join(dir, "podman"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	t.Setenv(podmanVar, "")
	t.Setenv("TMPDIR", "/tmp") // a socket's address is short
	first, err := Podman(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := Podman(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if first.DaemonHost() != second.DaemonHost() {
		t.Errorf("two services: %s and %s", first.DaemonHost(), second.DaemonHost())
	}
	CloseStores()
	if _, err := first.Ping(context.Background(), mobyclient.PingOptions{}); err == nil {
		t.Error("the service answers after CloseStores()")
	}
	if _, err := os.Stat(filepath.Dir(strings.TrimPrefix(first.DaemonHost(), "unix://"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is left behind: %v", err)
	}
}

func TestNoPodman(t *testing.T) {
	for _, host := range podmanHosts() {
		if _, err := os.Stat(strings.TrimPrefix(host, "unix://")); err == nil {
			t.Skip(host, " is there")
		}
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv(podmanVar, "")
	if _, err := Podman(t.Context()); !errors.Is(err, ErrNoDocker) {
		t.Errorf("Podman() = %v, want %v", err, ErrNoDocker)
	}
}
