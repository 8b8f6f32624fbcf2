//go:build e2e

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAttackEnvOfDockerfile has a step of a Dockerfile that asks for the secret with the values of --env. It gets none; the run gets them,
// and a second build of the same input takes the run from the cache.
func TestAttackEnvOfDockerfile(t *testing.T) {
	dir := t.TempDir()
	for name, data := range smallFiles(t) {
		name = filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, data, 0o755))
	}
	write(t, filepath.Join(dir, "Dockerfile"), `FROM scratch
COPY server /server
COPY data /data
RUN --mount=type=secret,id=slim-env ["/server", "do", "copy:/run/secrets/slim-env,/data/stolen"]
ENV PATH=/
EXPOSE 8080
ENTRYPOINT ["/server"]
`)
	write(t, filepath.Join(dir, "probe.yaml"), "- get: /now\n")
	build := func() (evidence string) {
		t.Helper()
		out := t.TempDir()
		layout := filepath.Join(out, "layout")
		mustSlim(t, "build", "-f", filepath.Join(dir, "Dockerfile"), dir, "--env", "TOKEN=hunter2", "--probe", filepath.Join(dir, "probe.yaml"),
			"--include", "/data", "--artifacts", filepath.Join(out, "artifacts"), "--output", "type=oci,tar=false,dest="+layout)
		img := readLayout(t, layout)
		has(t, img, "/data/late.txt")
		lacks(t, img, "/data/stolen")
		info, err := os.Stat(layout)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the layout has mode %v, %v, want 0700", info.Mode(), err)
		}
		return read(t, filepath.Join(out, "artifacts", "evidence.json"))
	}
	first := build()
	if second := build(); second != first {
		t.Error("the evidence is another: the application, which answers with the time, was run again")
	}
	if strings.Contains(first, "hunter2") {
		t.Error("the evidence has the value of --env")
	}
}
