package builder

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/predicates"
	"github.com/slimimage/slim/analyzer/sbom"
)

// builderID is the builder in the provenance, which SLSA demands (spec/v1.0/provenance, "builder.id") and BuildKit leaves empty.
const builderID = "https://github.com/slimimage/slim"

func attestationOf(ref gateway.Reference, a attestation) gateway.Attestation {
	return gateway.Attestation{
		Kind: gatewaypb.AttestationKind_InToto, Ref: ref, Path: "/" + a.file,
		InToto: result.InTotoAttestation{PredicateType: a.predicateType,
			Subjects: []result.InTotoSubject{{Kind: gatewaypb.InTotoSubjectKind_Self}}},
	}
}

// statements are the attestations of a slim image.
func (b *build) statements(found *Result) ([]attestation, error) {
	list := []attestation{{predicates.CycloneDX, fileCycloneDX, found.Materials[fileCycloneDX]},
		{predicates.SPDX, fileSPDX, found.Materials[fileSPDX]}}
	further := []struct {
		kind, file string
		value      any
	}{{predicates.RuntimeTrace, "runtime-trace.json", tracePredicate(found)}}
	if found.Verdict != nil || found.Unchecked != "" {
		further = append(further, struct {
			kind, file string
			value      any
		}{predicates.TestResult, "test-result.json", testPredicate(found)})
	}
	if len(b.opt.Export.Names) > 0 {
		name, tag := splitName(b.opt.Export.Names[0])
		further = append(further, struct {
			kind, file string
			value      any
		}{predicates.Release, "release.json", releasePredicate{Purl: sbom.ImagePurl(name, tag, "", b.platform.Architecture)}})
	}
	for _, p := range further {
		data, err := json.Marshal(p.value)
		if err != nil {
			return nil, fmt.Errorf("writing the predicate %s: %w", p.kind, err)
		}
		list = append(list, attestation{p.kind, p.file, data})
	}
	scan, err := b.scanStatements(found)
	return append(list, scan...), err
}

// releasePredicate is in-toto's release v0.1 (spec/predicates/release.md).
type releasePredicate struct {
	Purl string `json:"purl"`
}

// resource is in-toto's ResourceDescriptor (spec/v1/resource_descriptor.md), as far as it is used here.
type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// runtimeTrace is in-toto's runtime-trace v0.1 (spec/predicates/runtime-trace.md).
type runtimeTrace struct {
	Monitor struct {
		Type string `json:"type"`
	} `json:"monitor"`
	MonitoredProcess struct {
		HostID string `json:"hostID"`
		Type   string `json:"type"`
		Event  string `json:"event"`
	} `json:"monitoredProcess"`
	MonitorLog struct {
		Process    []analyzer.Process `json:"process"`
		Network    []analyzer.Socket  `json:"network"`
		FileAccess []resource         `json:"fileAccess"`
		Syscalls   []string           `json:"syscalls,omitempty"`
	} `json:"monitorLog"`
}

func tracePredicate(found *Result) runtimeTrace {
	var t runtimeTrace
	e := found.Evidence
	t.Monitor.Type = "https://github.com/slimimage/slim/analyzer/trace"
	t.MonitoredProcess.HostID = "https://github.com/moby/buildkit"
	t.MonitoredProcess.Type = "https://github.com/opencontainers/image-spec"
	t.MonitoredProcess.Event = "observe " + e.Image
	if u := found.Update; u != nil && len(u.Packages) > 0 {
		t.MonitoredProcess.Event += fmt.Sprintf(", which is %s with %d updated packages", found.Image, len(u.Packages))
	}
	if found.Unobserved != "" {
		t.MonitoredProcess.Event += " (" + e.Platform + "); " + found.Platform + ": " + found.Unobserved
	}
	t.MonitorLog.Process, t.MonitorLog.Syscalls = e.Processes, e.Syscalls
	for _, run := range e.Runs {
		t.MonitorLog.Network = append(append(t.MonitorLog.Network, run.Listen...), run.Peers...)
	}
	for _, use := range e.Paths {
		if slices.Contains(use.Ops, analyzer.OpOpen) || slices.Contains(use.Ops, analyzer.OpExec) {
			t.MonitorLog.FileAccess = append(t.MonitorLog.FileAccess, resource{Name: use.Path.String()})
		}
	}
	return t
}

// testResult is in-toto's test-result v0.1 (spec/predicates/test-result.md).
type testResult struct {
	Result        string     `json:"result"` // PASSED, WARNED or FAILED
	Configuration []resource `json:"configuration"`
	Passed        []string   `json:"passedTests,omitempty"`
	Warned        []string   `json:"warnedTests,omitempty"`
	Failed        []string   `json:"failedTests,omitempty"`
}

// testPredicate lists the answers of the slim image that equal the original's, those that differ, and how the image was confined.
func testPredicate(found *Result) testResult {
	e, v := found.Evidence, found.Verdict
	if v == nil {
		return testResult{Result: "WARNED", Configuration: []resource{{Name: "original", Digest: digestSet(found.Image)}},
			Warned: []string{"not checked: " + found.Unchecked}}
	}
	t := testResult{Result: "PASSED", Configuration: []resource{{Name: "original", Digest: digestSet(found.Image)}}}
	if u := found.Update; u != nil {
		for _, p := range u.Packages {
			t.Configuration = append(t.Configuration, resource{Name: fmt.Sprintf("updated package %s %s (before: %s)", p.Name, p.After, p.Before),
				Digest: digestSet(p.Checksum)})
		}
	}
	differs := map[string]bool{}
	for _, d := range v.Differences {
		differs[d.Run+": "+d.Probe] = true
	}
	for _, run := range e.Runs {
		for _, answer := range run.Answers {
			switch name := run.Name + ": " + answer.Probe; {
			case differs[name]:
			case answer.Spoke():
				t.Passed = append(t.Passed, name)
			default:
				t.Warned = append(t.Warned, name+": no answer to compare")
			}
		}
	}
	for name := range differs {
		t.Failed = append(t.Failed, name)
	}
	slices.Sort(t.Failed)
	confined, anyUser := "runs under its own profile", "runs as any user in group 0"
	for name, ok := range map[string]bool{confined: v.Confined, anyUser: v.AnyUser} {
		if ok {
			t.Passed = append(t.Passed, name)
		} else {
			t.Warned = append(t.Warned, name)
		}
	}
	slices.Sort(t.Passed)
	slices.Sort(t.Warned)
	switch {
	case !v.OK:
		t.Result = "FAILED"
	case !v.Confined, v.Checked == 0:
		t.Result = "WARNED"
	}
	return t
}

func digestSet(digest string) map[string]string {
	if hex, ok := strings.CutPrefix(digest, "sha256:"); ok {
		return map[string]string{"sha256": hex}
	}
	return nil
}
