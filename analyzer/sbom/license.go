package sbom

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// cdxLicenseText lists, one a line, the identifiers that may stand in "license.id" of CycloneDX: its schema enumerates those of the SPDX
// list 3.17 (CycloneDX/specification, schema/spdx.schema.json), and a validator refuses a document with another one.
//
//go:embed cdxlicenses.txt
var cdxLicenseText string

const (
	maxLicenseText = 200 // bytes of a licence's name; more is the licence itself
	maxTerms       = 50  // licences of one package
	maxNesting     = 50  // parentheses in an expression
)

var cdxLicenseIDs = sync.OnceValue(func() map[string]bool {
	ids := map[string]bool{}
	for _, id := range strings.Fields(cdxLicenseText) {
		ids[id] = true
	}
	return ids
})

// listedID is an identifier of the SPDX licence list, in the list's own letters.
func listedID(name string) (id string, ok bool) {
	if ok, id = spdxlicenses.IsActiveLicense(name); !ok {
		ok, id = spdxlicenses.IsDeprecatedLicense(name)
	}
	return id, ok
}

// aliases are names that package managers use: Debian's copyright-format 1.0, Fedora's former short names, trove classifiers
// and what people write. Lower case.
var aliases = map[string]string{
	"expat": "MIT", "mit license": "MIT", "the mit license": "MIT", "the mit license (mit)": "MIT", "mit/x11": "MIT",
	"apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache2": "Apache-2.0", "apache-2": "Apache-2.0",
	"asl 2.0":            "Apache-2.0",
	"apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0", "apache license version 2.0": "Apache-2.0",
	"apache software license":     "Apache-2.0",
	"apache software license 2.0": "Apache-2.0", "the apache license, version 2.0": "Apache-2.0",
	"the apache software license, version 2.0":        "Apache-2.0",
	"https://www.apache.org/licenses/license-2.0.txt": "Apache-2.0", "http://www.apache.org/licenses/license-2.0.txt": "Apache-2.0",
	"http://www.apache.org/licenses/license-2.0": "Apache-2.0", "https://www.apache.org/licenses/license-2.0": "Apache-2.0",
	"bsd 3-clause": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause", "bsd 3-clause license": "BSD-3-Clause", "new bsd": "BSD-3-Clause",
	"new bsd license": "BSD-3-Clause", "modified bsd license": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause", "bsd-3": "BSD-3-Clause",
	"bsd 2-clause": "BSD-2-Clause", "2-clause bsd": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause", "bsd-2": "BSD-2-Clause",
	"isc license": "ISC", "isc license (iscl)": "ISC", "zlib/libpng": "Zlib", "zlib/libpng license": "Zlib", "boost": "BSL-1.0",
	"bsl":                                  "BSL-1.0",
	"mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "mpl 2.0": "MPL-2.0", "mplv2.0": "MPL-2.0", "mplv1.1": "MPL-1.1",
	"python software foundation license": "PSF-2.0", "psf": "PSF-2.0", "psf-2": "PSF-2.0", "psfl": "PSF-2.0",
	"the unlicense (unlicense)": "Unlicense", "unlicense": "Unlicense",
	"cc0": "CC0-1.0", "cc0 1.0": "CC0-1.0", "epl 1.0": "EPL-1.0", "epl 2.0": "EPL-2.0", "artistic 2.0": "Artistic-2.0",
	"openldap": "OLDAP-2.8", "artistic": "Artistic-1.0", "artistic-2": "Artistic-2.0", "wtfpl-2": "WTFPL",
	"gnu general public license v2 (gplv2)": "GPL-2.0-only", "gnu general public license v3 (gplv3)": "GPL-3.0-only",
	"gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
	"gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later", "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
	"gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
	"gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
	"gnu affero general public license v3":                    "AGPL-3.0-only", "eclipse public license 2.0 (epl-2.0)": "EPL-2.0",
}

// gnu is "GPL-2+", "LGPLv2.1+", "GFDL-1.3", "GPL2".
var gnu = regexp.MustCompile(`^(agpl|lgpl|gpl|gfdl)[- ]?v?([123])(\.[0-3])?(\.0)?(\+?)$`)

// licenseID is the SPDX identifier of a licence's name.
func licenseID(name string) (id string, ok bool) {
	name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	name, free := strings.CutPrefix(name, "gfdl-niv") // Debian's: no invariant sections
	if free {
		name = "gfdl" + name
	}
	if m := gnu.FindStringSubmatch(name); m != nil {
		minor, suffix := m[3], "-only"
		if minor == "" {
			minor = ".0"
		}
		if m[5] != "" {
			suffix = "-or-later"
		}
		if free {
			suffix = "-no-invariants" + suffix
		}
		name = m[1] + "-" + m[2] + minor + suffix
	}
	if id, ok = listedID(name); !ok {
		id, ok = aliases[name]
	}
	return id, ok
}

// licenseTerms reads what metadata says of a licence: SPDX expressions where it can be one, the text itself where it is a name, and
// nothing where it is longer than a name.
func licenseTerms(text string) []string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || strings.EqualFold(text, "unknown") || strings.EqualFold(text, "noassertion") {
		return nil
	}
	if id, ok := licenseID(text); ok {
		return []string{id}
	}
	if len(text) > 10*maxLicenseText {
		return nil
	}
	if e, ok := parseExpression(text); ok {
		return e
	}
	var terms []string
	if !strings.ContainsAny(text, "()") && !containsWord(text, "or") {
		for _, part := range splitAnd(text) {
			if e, ok := parseExpression(part); ok {
				terms = append(terms, e...)
			} else {
				terms = append(terms, part)
			}
		}
	} else {
		terms = []string{text}
	}
	if len(text) > maxLicenseText {
		return nil
	}
	return terms
}

func containsWord(text, word string) bool {
	for _, w := range strings.Fields(strings.ToLower(text)) {
		if w == word {
			return true
		}
	}
	return false
}

// splitAnd splits a list of licences at commas and at "and".
func splitAnd(text string) []string {
	var parts []string
	for _, item := range strings.Split(text, ",") {
		var words []string
		for _, word := range append(strings.Fields(item), "and") {
			if !strings.EqualFold(word, "and") {
				words = append(words, word)
			} else if len(words) > 0 {
				parts, words = append(parts, strings.Join(words, " ")), nil
			}
		}
	}
	return parts
}

// addTerms joins lists of licences without repetition.
func addTerms(list, more []string) []string {
	for _, term := range more {
		known := len(list) >= maxTerms
		for _, have := range list {
			known = known || have == term
		}
		if !known {
			list = append(list, term)
		}
	}
	return list
}
