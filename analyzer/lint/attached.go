package lint

import (
	"strings"
)

// predicate is a rule's answer for attestations of some types, of which one is enough.
func predicate(f *facts, what string, types ...string) ([]Finding, string) {
	if f.in.Attached == nil {
		return nil, notAttached(f)
	}
	for _, have := range f.in.Attached.Predicates {
		for _, want := range types {
			if have == want || strings.HasPrefix(have, want+"/") {
				return nil, ""
			}
		}
	}
	return []Finding{{Key: "attestations", Message: "no " + what + " is attached"}}, ""
}

func notAttached(f *facts) string {
	if f.in.NotAttached != "" {
		return f.in.NotAttached
	}
	return "what is attached to the image is not known"
}

// The predicate types are those of SLSA, in-toto, SPDX, CycloneDX and OpenVEX; cosign writes OpenVEX's with its version.

func checkProvenance(f *facts) ([]Finding, string) {
	return predicate(f, "provenance", "https://slsa.dev/provenance")
}

func checkBill(f *facts) ([]Finding, string) {
	return predicate(f, "bill of materials", "https://spdx.dev/Document", "https://cyclonedx.org/bom", "https://spdx.github.io/spdx-spec")
}

func checkVEX(f *facts) ([]Finding, string) {
	return predicate(f, "VEX document", "https://openvex.dev/ns", "https://cyclonedx.org/vex")
}

func checkSignature(f *facts) ([]Finding, string) {
	if f.in.Attached == nil {
		return nil, notAttached(f)
	}
	if f.in.Attached.Signed {
		return nil, ""
	}
	return []Finding{{Key: "signatures", Message: "no signature is attached"}}, ""
}
