//go:build e2e

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/compare"
	"github.com/slimimage/slim/builder"
)

// TestApps slims every application with the default probe alone and then asks original and slim image for features that the
// probe did not touch: the answers must be the same.
func TestApps(t *testing.T) {
	names, err := filepath.Glob("testdata/apps/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no applications: %v", err)
	}
	for _, file := range names {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) { checkApp(t, loadApp(t, name)) })
	}
}

func checkApp(t *testing.T, a app) {
	dir := filepath.Join(t.TempDir(), a.name)
	args := append([]string{"build", a.ref, "--output", "type=oci,tar=false,dest=" + dir, "--format", "json", "--progress", "plain"},
		a.flags...)
	built := mustSlim(t, args...)
	var result builder.Result
	decode(t, built.stdout, &result)
	mb := float64(result.SizeAfter) / 1e6
	t.Logf("%s: %.1f MB of %.1f MB, user %s", a.name, mb, float64(result.SizeBefore)/1e6, result.Config.User)
	if a.maxMB > 0 && mb > a.maxMB {
		t.Errorf("%s is %.1f MB, want at most %.1f MB", a.name, mb, a.maxMB)
	}
	contract(t, result, readLayout(t, dir), a.root)
	if a.checks == "" && len(a.runs) == 0 {
		return
	}
	original := observeWith(t, a, a.ref)
	slimmed := observeWith(t, a, "oci:"+dir, "--force")
	verdict := compare.Verdict(original, nil, slimmed)
	if !verdict.OK { // request ids, times: what also differs between two runs of the original is no difference
		verdict = compare.Verdict(original, observeWith(t, a, a.ref, "--timeout", "121"), slimmed)
	}
	for _, d := range verdict.Differences {
		t.Errorf("%s: %s: %s: want %q, got %q", a.name, d.Probe, d.What, d.Want, d.Got)
	}
	if verdict.Checked == 0 {
		t.Errorf("%s: nothing was compared", a.name)
	}
}

// observeWith asks an image everything in the case's checks.
func observeWith(t *testing.T, a app, ref string, flags ...string) *analyzer.Evidence {
	t.Helper()
	file := filepath.Join(t.TempDir(), "evidence.json")
	args := append([]string{"observe", ref, "-o", file, "--progress", "plain", "--keep-going"}, flags...)
	if a.checks != "" {
		args = append(args, "--probe", a.checks)
	}
	for _, run := range a.runs {
		args = append(args, "--run", run)
	}
	out := slim(t, args...)
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("slim observe %s: exit code %d\n%s", ref, out.code, tail(out.stderr, 40))
	}
	defer f.Close()
	evidence, err := analyzer.ReadEvidence(f)
	if err != nil {
		t.Fatal(err)
	}
	return evidence
}
