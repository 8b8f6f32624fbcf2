//go:build e2e

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// evidenceWithout observes an image and writes the evidence less one path: a plan made of it at --keep observed lacks that path.
func evidenceWithout(t *testing.T, ref, path string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "evidence.json")
	mustSlim(t, "observe", ref, "-o", name, "--progress", "plain")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var evidence analyzer.Evidence
	decode(t, string(data), &evidence)
	before := len(evidence.Paths)
	evidence.Paths = slices.DeleteFunc(evidence.Paths, func(use analyzer.PathUse) bool { return use.Path.String() == path })
	if len(evidence.Paths) != before-1 {
		t.Fatalf("the run did not use %s", path)
	}
	if data, err = json.Marshal(&evidence); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// A file is withheld from the first plan: the check finds it, the plan is repaired, and the result passes.
func TestRepair(t *testing.T) {
	ref := loadApp(t, "shell").ref
	evidence := evidenceWithout(t, ref, "/srv/lib.sh")
	archive := filepath.Join(t.TempDir(), "a.tar")
	built := mustSlim(t, "build", ref, "--keep", "observed", "--evidence", evidence, "--output", "type=oci,dest="+archive, "--format", "json",
		"--progress", "plain")
	var result builder.Result
	decode(t, built.stdout, &result)
	explained, err := analyzer.Explain(result.Plan, "/srv/lib.sh")
	if err != nil || !explained.Kept || !slices.Contains(explained.Reasons, string(analyzer.RuleCheckRound(1))) {
		t.Errorf("/srv/lib.sh: %+v, %v, want it kept for check round 1", explained, err)
	}
	if result.Verdict == nil || !result.Verdict.OK {
		t.Errorf("verdict %+v, want OK", result.Verdict)
	}
	if _, err := os.Stat(archive); err != nil {
		t.Error(err)
	}
}

// What is excluded cannot be repaired: exit code 3, the path is named, and nothing is exported.
func TestRepairImpossible(t *testing.T) {
	ref := loadApp(t, "shell").ref
	archive := filepath.Join(t.TempDir(), "a.tar")
	out := slim(t, "build", ref, "--exclude", "/srv/lib.sh", "--output", "type=oci,dest="+archive, "--progress", "plain")
	if out.code != 3 || !strings.Contains(out.stderr, "/srv/lib.sh") {
		t.Errorf("exit code %d, want 3 and the path\n%s", out.code, tail(out.stderr, 20))
	}
	if left, _ := os.ReadDir(filepath.Dir(archive)); len(left) != 0 {
		t.Errorf("something was exported: %v", left)
	}
}

// If the original fails the probes, slim still makes an image from given evidence, and the result says that it was not checked.
func TestEvidenceUnchecked(t *testing.T) {
	ref, dir := small(t), t.TempDir()
	evidence, steps := filepath.Join(dir, "evidence.json"), filepath.Join(dir, "probe.yaml")
	mustSlim(t, "observe", ref, "-o", evidence, "--progress", "plain")
	if err := os.WriteFile(steps, []byte("- http: {port: 8080, path: /no-such-page, status: 299}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := mustSlim(t, "build", ref, "--evidence", evidence, "--probe", steps, "--output", "type=oci,dest="+filepath.Join(dir, "a.tar"),
		"--progress", "plain")
	if !strings.Contains(out.stderr, "not checked (the original does not run here: ") {
		t.Errorf("the summary does not say why there was no check\n%s", tail(out.stderr, 20))
	}
}
