// Package predicates names the types of in-toto predicates that slim attaches to images, reads, and lets its users attest.
package predicates

import (
	"maps"
	"slices"
)

// Types of predicates.
const (
	CycloneDX    = "https://cyclonedx.org/bom"
	CycloneDXVEX = "https://cyclonedx.org/vex"
	OpenVEX      = "https://openvex.dev/ns/v0.2.0"
	Provenance   = "https://slsa.dev/provenance/v1"
	Release      = "https://in-toto.io/attestation/release/v0.1"
	RuntimeTrace = "https://in-toto.io/attestation/runtime-trace/v0.1"
	SARIF        = "https://www.schemastore.org/schemas/json/sarif-2.1.0.json"
	SPDX         = "https://spdx.dev/Document"
	TestResult   = "https://in-toto.io/attestation/test-result/v0.1"
	Vulns        = "https://in-toto.io/attestation/vulns/v0.2"
)

// Beginnings of types, whatever their version; SPDX has also been attested under the address of its specification.
const (
	AnyProvenance = "https://slsa.dev/provenance"
	AnyOpenVEX    = "https://openvex.dev/ns"
	AnySPDX       = "https://spdx.github.io/spdx-spec"
)

// names are the short names of types; those that cosign has mean the same there, but for openvex, whose name in the specification has its
// version.
var names = map[string]string{
	"cyclonedx":       CycloneDX,
	"cyclonedx-vex":   CycloneDXVEX,
	"openvex":         OpenVEX,
	"release":         Release,
	"runtime-trace":   RuntimeTrace,
	"sarif":           SARIF,
	"slsaprovenance1": Provenance,
	"spdxjson":        SPDX,
	"test-result":     TestResult,
	"vulns":           Vulns,
}

// Type is the URI of a short name; everything else is returned as it is.
func Type(name string) string {
	if uri := names[name]; uri != "" {
		return uri
	}
	return name
}

// Names lists the short names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(names)) }
