//go:build e2e

package integration

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	release "github.com/in-toto/attestation/go/predicates/release/v0"
	result "github.com/in-toto/attestation/go/predicates/test_result/v0"
	"github.com/openvex/go-vex/pkg/vex"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// validatePredicate has the library of a predicate's own makers read it. There is none for runtime-trace: the fields of its
// specification must be there.
func validatePredicate(t *testing.T, kind string, data []byte) {
	t.Helper()
	var err error
	switch kind {
	case "https://cyclonedx.org/bom":
		var bom cyclonedx.BOM
		if err = cyclonedx.NewBOMDecoder(bytes.NewReader(data), cyclonedx.BOMFileFormatJSON).Decode(&bom); err == nil &&
			(bom.Metadata == nil || bom.Metadata.Component == nil) {
			t.Errorf("%s: no metadata.component", kind)
		}
	case "https://openvex.dev/ns/v0.2.0":
		doc, parseErr := vex.Parse(data)
		if err = parseErr; err == nil && len(doc.Statements) == 0 {
			t.Errorf("%s: no statements", kind)
		}
	case "https://spdx.dev/Document":
		doc, readErr := spdxjson.Read(bytes.NewReader(data))
		if err = readErr; err == nil {
			err = spdxlib.ValidateDocument(doc)
		}
	case "https://slsa.dev/provenance/v1":
		var p provenance.Provenance
		// BuildKit adds fields of its own, which SLSA allows (spec/v1.0/provenance, "Extension fields").
		if err = (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &p); err == nil {
			err = p.Validate()
		}
	case "https://in-toto.io/attestation/release/v0.1":
		var r release.Release
		if err = strict(data, &r); err == nil && r.GetPurl() == "" {
			t.Errorf("%s: no purl", kind)
		}
	case "https://in-toto.io/attestation/test-result/v0.1":
		var r result.TestResult
		if err = strict(data, &r); err == nil && r.GetResult() != "PASSED" {
			t.Errorf("%s: result %q", kind, r.GetResult())
		}
	case "https://in-toto.io/attestation/runtime-trace/v0.1":
		var trace struct {
			Monitor          map[string]any `json:"monitor"`
			MonitoredProcess map[string]any `json:"monitoredProcess"`
			MonitorLog       struct {
				Process    []any `json:"process"`
				FileAccess []any `json:"fileAccess"`
			} `json:"monitorLog"`
		}
		if err = json.Unmarshal(data, &trace); err == nil && (trace.Monitor["type"] == nil || trace.MonitoredProcess["hostID"] == nil ||
			len(trace.MonitorLog.Process) == 0 || len(trace.MonitorLog.FileAccess) == 0) {
			t.Errorf("%s: a field is missing", kind)
		}
	default:
		t.Errorf("no validator for %s", kind)
	}
	if err != nil {
		t.Errorf("%s: %v", kind, err)
	}
}

// strict refuses fields that the definition does not have.
func strict(data []byte, message proto.Message) error { return protojson.Unmarshal(data, message) }
