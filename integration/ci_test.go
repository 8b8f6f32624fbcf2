//go:build e2e

package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPipelineScript runs examples/ci/slim.sh twice, as a CI would: the second time from the cache that the first left, on a machine
// without any other state.
func TestPipelineScript(t *testing.T) {
	ref, dir := small(t), t.TempDir()
	script, err := filepath.Abs("../examples/ci/slim.sh")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"first", "second"} {
		cmd := exec.Command("sh", script, ref, "--tag", "small:ci")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(t.TempDir(), "cache"), "SLIM_ENGINE=embedded",
			"BUILDKIT_HOST=", "OSV_DIR=",
			"PATH="+filepath.Dir(slimBinary)+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s run: %v\n%s", name, err, tail(string(out), 30))
		}
		if imported := strings.Contains(string(out), "importing cache manifest"); imported != (i == 1) {
			t.Errorf("%s run: cache imported: %v\n%s", name, imported, tail(string(out), 40))
		}
	}
	for _, file := range []string{"slim.oci.tar", "report.json", "summary.md", "lint.sarif", "artifacts/evidence.json"} {
		data, err := os.ReadFile(filepath.Join(dir, "slim-out", file))
		if err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", file, len(data), err)
		}
		if filepath.Ext(file) == ".sarif" && !json.Valid(data) {
			t.Errorf("%s is no JSON", file)
		}
	}
}
