package sign

import (
	"maps"
	"slices"
)

const predicateRelease = "https://in-toto.io/attestation/release/v0.1"

// predicateTypes are the short names of predicate types; those that cosign has mean the same there, but for openvex, whose name in the
// specification has its version.
var predicateTypes = map[string]string{
	"cyclonedx":       "https://cyclonedx.org/bom",
	"cyclonedx-vex":   "https://cyclonedx.org/vex",
	"openvex":         "https://openvex.dev/ns/v0.2.0",
	"release":         predicateRelease,
	"runtime-trace":   "https://in-toto.io/attestation/runtime-trace/v0.1",
	"sarif":           "https://www.schemastore.org/schemas/json/sarif-2.1.0.json",
	"slsaprovenance1": "https://slsa.dev/provenance/v1",
	"spdxjson":        "https://spdx.dev/Document",
	"test-result":     "https://in-toto.io/attestation/test-result/v0.1",
	"vulns":           "https://in-toto.io/attestation/vulns/v0.2",
}

// PredicateType is the URI of a short name; everything else is returned as it is.
func PredicateType(name string) string {
	if uri := predicateTypes[name]; uri != "" {
		return uri
	}
	return name
}

func predicateNames() []string { return slices.Sorted(maps.Keys(predicateTypes)) }
