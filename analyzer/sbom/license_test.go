package sbom

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLicenseTerms(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"MIT", []string{"MIT"}},
		{"mit", []string{"MIT"}},
		{"(MIT OR Apache-2.0)", []string{"MIT OR Apache-2.0"}},
		{"MIT AND (BSD-3-Clause OR GPL-2.0+)", []string{"MIT", "BSD-3-Clause OR GPL-2.0-or-later"}},
		{"GPL-1+ or Artistic, and Expat", []string{"GPL-1.0-or-later OR Artistic-1.0", "MIT"}},
		{"MIT and ISC, or Zlib", []string{"MIT AND ISC OR Zlib"}},
		{"GPL-2+ with Texinfo exception", []string{"GPL-2.0-or-later WITH Texinfo-exception"}},
		{"MIT AND BSD-3-Clause OR ISC", []string{"MIT AND BSD-3-Clause OR ISC"}},
		{"(MIT OR ISC) AND Zlib OR 0BSD", []string{"(MIT OR ISC) AND Zlib OR 0BSD"}},
		{"GPL-2.0-or-later WITH Classpath-exception-2.0", []string{"GPL-2.0-or-later WITH Classpath-exception-2.0"}},
		{"GPLv2+ and BSD", []string{"GPL-2.0-or-later", "BSD"}},
		{"GPL-3+ with GCC exception", []string{"GPL-3+ with GCC exception"}},
		{"Apache License, Version 2.0", []string{"Apache-2.0"}},
		{"LGPL-2.1", []string{"LGPL-2.1-only"}},
		{"GPL-2, Expat and public-domain", []string{"GPL-2.0-only", "MIT", "public-domain"}},
		{"GPL-1+ or Artistic", []string{"GPL-1.0-or-later OR Artistic-1.0"}},
		{"GPL-2 with Linux-syscall-note exception", []string{"GPL-2.0-only WITH Linux-syscall-note"}},
		{"GFDL-NIV-1.3+", []string{"GFDL-1.3-no-invariants-or-later"}},
		{"Boehm-gc and unicode-3.0", []string{"Boehm-GC", "Unicode-3.0"}},
		{"GPL-2.0", []string{"GPL-2.0-only"}},
		{"ecos-2.0", []string{"eCos-2.0"}},
		{"GPL-2+ with 389-Exception", []string{"GPL-2.0-or-later WITH 389-exception"}},
		{"gfdl-niv", []string{"gfdl-niv"}},
		{"LicenseRef-own", []string{"LicenseRef-own"}},
		{"LicenseRef-", []string{"LicenseRef-"}},
		{"(MIT", []string{"(MIT"}},
		{"MIT OR", []string{"MIT OR"}},
		{"()", []string{"()"}},
		{"UNKNOWN", nil},
		{"", nil},
		{" \n", nil},
		{"Permission is hereby granted, " + strings.Repeat("free of charge, ", 100), nil},
		{strings.Repeat("(", 10_000) + "MIT", nil},
	} {
		if diff := cmp.Diff(test.want, licenseTerms(test.text)); diff != "" {
			t.Errorf("licenseTerms(%.80q) (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestAsExpression(t *testing.T) {
	for _, test := range []struct {
		terms []string
		want  string
		refs  map[string]string
	}{
		{nil, "", map[string]string{}},
		{[]string{"MIT"}, "MIT", map[string]string{}},
		{[]string{"MIT OR ISC", "Zlib"}, "(MIT OR ISC) AND Zlib", map[string]string{}},
		{[]string{"GPL-2+ with X (y)", "MIT"}, "LicenseRef-GPL-2--with-X--y- AND MIT",
			map[string]string{"LicenseRef-GPL-2--with-X--y-": "GPL-2+ with X (y)"}},
		{[]string{"LicenseRef-own OR MIT"}, "LicenseRef-own OR MIT", map[string]string{"LicenseRef-own": "LicenseRef-own"}},
		{[]string{"lizenz ä"}, "LicenseRef-lizenz--", map[string]string{"LicenseRef-lizenz--": "lizenz ä"}},
	} {
		refs := map[string]string{}
		if got := asExpression(test.terms, refs); got != test.want {
			t.Errorf("asExpression(%q) = %q, want %q", test.terms, got, test.want)
		}
		if diff := cmp.Diff(test.refs, refs); diff != "" {
			t.Errorf("references of %q (-want +got):\n%s", test.terms, diff)
		}
	}
}

func TestShortNames(t *testing.T) {
	for text, want := range map[string][]string{
		"REGCOMP, and GPL-1+ or Artistic":    {"LicenseRef-REGCOMP", "GPL-1.0-or-later OR Artistic-1.0"},
		"GPL-2+ with OpenSSL exception":      {"GPL-2+ with OpenSSL exception"},
		"Own or GPL-3+ with Bison exception": {"LicenseRef-Own OR LicenseRef-GPL-3--with-Bison-exception"},
		"GPL-2+ or MIT":                      {"GPL-2.0-or-later OR MIT"},
		"own":                                {"own"},
		"a or":                               {"a or"},
		"or a":                               {"or a"},
		"MIT or the terms of two":            {"MIT or the terms of two"},
		"":                                   nil,
	} {
		if diff := cmp.Diff(want, shortNames(text)); diff != "" {
			t.Errorf("shortNames(%q) (-want +got):\n%s", text, diff)
		}
	}
}

// Every alias stands for an identifier of the list, and is in the form in which it is looked up.
func TestAliases(t *testing.T) {
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		if id, ok := listedID(aliases[alias]); !ok || id != aliases[alias] {
			t.Errorf("%q stands for %q, which is no identifier", alias, aliases[alias])
		}
		if alias != strings.ToLower(strings.Join(strings.Fields(alias), " ")) {
			t.Errorf("%q is never looked up", alias)
		}
	}
}

// TestCycloneDXLicenses checks that an identifier that CycloneDX's schema does not have is an expression there, which any schema takes.
func TestCycloneDXLicenses(t *testing.T) {
	for _, test := range []struct {
		terms []string
		want  []cdxLicense
	}{
		{[]string{"MIT", "own"}, []cdxLicense{{License: &cdxLicenseName{ID: "MIT", Acknowledgement: declared}},
			{License: &cdxLicenseName{Name: "own", Acknowledgement: declared}}}},
		{[]string{"Boehm-GC"}, []cdxLicense{{Expression: "Boehm-GC", Acknowledgement: declared}}},
		{[]string{"MIT", "Boehm-GC"}, []cdxLicense{{Expression: "MIT AND Boehm-GC", Acknowledgement: declared}}},
	} {
		if diff := cmp.Diff(test.want, cdxLicenses(test.terms)); diff != "" {
			t.Errorf("cdxLicenses(%q) (-want +got):\n%s", test.terms, diff)
		}
	}
	for id := range cdxLicenseIDs() {
		if listed, ok := listedID(id); !ok || listed != id {
			t.Errorf("%q is not on the SPDX list", id)
		}
	}
}

func TestSplitPerson(t *testing.T) {
	for _, test := range []struct{ text, name, address string }{
		{"Ann B <ann@example.org>", "Ann B", "ann@example.org"},
		{`"Team (x)" <t@example.org>`, "Team (x)", "t@example.org"},
		{"Example Org", "Example Org", ""},
		{"ann@example.org", "", "ann@example.org"},
		{"Ann <not an address>", "Ann", ""},
		{"Ann <", "Ann", ""},
		{"", "", ""},
	} {
		if name, address := splitPerson(test.text); name != test.name || address != test.address {
			t.Errorf("splitPerson(%q) = %q, %q, want %q, %q", test.text, name, address, test.name, test.address)
		}
	}
}
