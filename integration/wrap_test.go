//go:build e2e

package integration

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer"
)

// inDocker runs the docker program and returns what it prints.
func inDocker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %q: %v\n%s", args, err, tail(string(out), 10))
	}
	return strings.TrimSpace(string(out))
}

// TestWrap brings the agent into an ordinary container as a Kubernetes patch does, out of its own image, and has it watch a server that may
// do nothing: an unknown user, no capability, a read-only root filesystem. What was seen is there even when the container is killed.
func TestWrap(t *testing.T) {
	docker(t)
	const ref = "slim-e2e-wrap:1"
	load(t, map[string]v1.Image{ref: configured(t, smallConfig, filesLayer(t, smallFiles(t), "server"))})
	server := httptest.NewServer(registry.New())
	defer server.Close()
	agentRef := strings.TrimPrefix(server.URL, "http://") + "/slim-agent:1"
	pushed := mustSlim(t, "agent", "--push", agentRef)
	if !strings.Contains(pushed.stdout, "/slim-agent@sha256:") {
		t.Errorf("slim agent printed %q", pushed.stdout)
	}
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", agentRef).Run() })
	bin, evidence := openDir(t), openDir(t)
	inDocker(t, "run", "--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "-v", bin+":/.slim/bin", agentRef,
		"install", "/.slim/bin")

	id := inDocker(t, "run", "-d", "--user", "12345:12345", "--cap-drop", "ALL", "--read-only", "--hostname", "one", "-e",
		"SLIM_IMAGE_DIGEST=sha256:1",
		"-v", bin+":/.slim/bin:ro", "-v", evidence+":/.slim/evidence", "--entrypoint", "/.slim/bin/slim-sensor", ref, "wrap", "--", "/server")
	t.Cleanup(func() { exec.Command("docker", "rm", "-f", id).Run() })
	address := "http://" + inDocker(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", id) + ":8080"
	ask := func() bool {
		answer, err := http.Get(address + "/data")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	}
	for range 100 {
		if ask() {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if !ask() {
		t.Fatalf("the wrapped server does not answer:\n%s", inDocker(t, "logs", id))
	}
	inDocker(t, "kill", id)
	if code := inDocker(t, "wait", id); code != "137" {
		t.Errorf("exit code %s, want 137", code)
	}
	e := readEvidence(t, filepath.Join(evidence, "one.json"))
	used := false
	for _, p := range e.Paths {
		used = used || p.Path.String() == "/data/late.txt"
	}
	run := e.Runs[0]
	if !used || e.Image != "sha256:1" || run.Kind != analyzer.KindServer || len(run.Listen) == 0 || run.Listen[0].Port != 8080 {
		t.Errorf("/data/late.txt used: %v, image %s, run %+v", used, e.Image, run)
	}
	if len(e.Processes) != 1 || e.Processes[0].UID != 12345 {
		t.Errorf("processes %+v, want the server as 12345", e.Processes)
	}
}

// openDir is a directory that every user may write to.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}
