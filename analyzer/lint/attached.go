package lint

import (
	"strings"

	"github.com/slimimage/slim/analyzer/predicates"
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
	return "the attachments of the image are unknown"
}

func checkProvenance(f *facts) ([]Finding, string) {
	return predicate(f, "provenance", predicates.AnyProvenance)
}

func checkBill(f *facts) ([]Finding, string) {
	return predicate(f, "bill of materials", predicates.SPDX, predicates.CycloneDX, predicates.AnySPDX)
}

func checkVEX(f *facts) ([]Finding, string) {
	return predicate(f, "VEX document", predicates.AnyOpenVEX, predicates.CycloneDXVEX)
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
