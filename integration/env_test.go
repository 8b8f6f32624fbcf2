//go:build e2e

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/builder"
)

// The values of --env reach the run of the original and that of the slim image, another value causes another run, and the value is not
// in the image, its attestations or the files written beside it.
func TestEnv(t *testing.T) {
	const secret = "hunter2-5f1c"
	ref := doImage(t, "env", v1.Config{Env: []string{"TOKEN=none", "KEPT=yes"}}, nil, "env:TOKEN", "env:KEPT", "length:TOKEN")
	dir := t.TempDir()
	out, artifacts := filepath.Join(dir, "out.tar"), filepath.Join(dir, "artifacts")
	args := []string{"build", ref, "--output", "type=oci,dest=" + out, "--artifacts", artifacts, "--format", "json", "--progress", "plain",
		"--env", "TOKEN"}
	built := slimEnv(t, []string{"TOKEN=" + secret}, args...)
	if built.code != 0 {
		t.Fatalf("exit code %d\n%s", built.code, tail(built.stderr, 20))
	}
	var result builder.Result
	decode(t, built.stdout, &result)
	if said := string(result.Evidence.Runs[0].Answers[0].Body); !strings.Contains(said, "length:TOKEN 12 true\n") || !strings.Contains(said,
		"env:KEPT true\n") {
		t.Errorf("the program said %q", said)
	}
	if result.Verdict == nil || !result.Verdict.OK {
		t.Errorf("verdict %+v, want OK", result.Verdict)
	}
	for _, name := range append(files(t, artifacts), out) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), secret) {
			t.Errorf("%s has the value", name)
		}
	}
	again := slimEnv(t, []string{"TOKEN=" + secret + "!"}, args...)
	decode(t, again.stdout, &result)
	if said := string(result.Evidence.Runs[0].Answers[0].Body); !strings.Contains(said, "length:TOKEN 13 true\n") {
		t.Errorf("with another value the program said %q", said)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, filepath.Join(dir, entry.Name()))
	}
	return names
}
