package builder

import (
	"errors"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/statedir"
)

// Evidence that nobody accepted may be another build's: the run is repeated, at last as one that no other build shares. Any other failure
// is one.
func TestUnsealedEvidence(t *testing.T) {
	unsealed, broken := &gatewaypb.ExitError{ExitCode: analyzer.ExitUnsealed}, errors.New("broken")
	other := errdefs.WrapVertex(errors.New("no active session"), digest.FromString("another build"))
	lost := errors.New("failed to compute cache key: failed to get state for index 1 on [slim] observe: the evidence")
	job := &analyzer.Job{Image: "sha256:1", Platform: "linux/amd64", Name: analyzer.DefaultRun,
		Process: analyzer.Entry{Argv: []string{"/app"}}}
	for _, test := range []struct {
		name     string
		failures []error
		ok       bool
		runs     int
	}{
		{"accepted", nil, true, 1},
		{"once not", []error{unsealed}, true, 2},
		{"twice not", []error{unsealed, unsealed}, true, 3},
		{"never", []error{unsealed, unsealed, unsealed}, false, 3},
		{"another failure", []error{broken}, false, 1},
		{"another exit code", []error{&gatewaypb.ExitError{ExitCode: 1}}, false, 1},
		{"a step of another build", []error{other}, true, 2},
		{"a step that was lost with another build", []error{lost}, true, 2},
		{"steps of others each time", []error{other, lost, other}, false, 3},
	} {
		fake := &fakeBuildKit{t: t, failures: test.failures, observe: func(string, *analyzer.Job) *analyzer.Evidence { return evidenceOf("x") }}
		t.Setenv(statedir.EnvVar, t.TempDir())
		b := testBuild(Options{Observe: ObserveOptions{Env: []string{"A=1"}}})
		b.agentLog.add([]byte(agentPrefix + "accept: an earlier run\n"))
		_, _, _, err := b.runOnce(t.Context(), fake, llb.Image("example/app"), job, "observe", anyRun)
		if (err == nil) != test.ok || len(fake.titles) != test.runs {
			t.Errorf("%s: runOnce() = %v after %d runs, want ok %t after %d", test.name, err, len(fake.titles), test.ok, test.runs)
		}
	}
}

// Evidence has to be that of the job.
func TestEvidenceOfAnotherJob(t *testing.T) {
	job := analyzer.Job{Image: "sha256:1", Platform: "linux/amd64", Name: analyzer.DefaultRun, Process: analyzer.Entry{Argv: []string{"/app"}}}
	if err := answers(evidenceOf("x"), &job); err != nil {
		t.Errorf("answers() of its own evidence = %v", err)
	}
	for want, change := range map[string]func(*analyzer.Evidence){
		"sha256:2":    func(e *analyzer.Evidence) { e.Image = "sha256:2" },
		"linux/arm64": func(e *analyzer.Evidence) { e.Platform = "linux/arm64" },
		"run other":   func(e *analyzer.Evidence) { e.Runs[0].Name = "run other" },
		"/evil":       func(e *analyzer.Evidence) { e.Runs[0].Argv = []string{"/evil"} },
		"2 runs":      func(e *analyzer.Evidence) { e.Runs = append(e.Runs, e.Runs[0]) },
	} {
		evidence := evidenceOf("x")
		change(evidence)
		if err := answers(evidence, &job); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("answers() = %v, want an error with %q", err, want)
		}
	}
}
