// Package sbom writes the bill of materials of a root filesystem: the packages of its package manager and of its language
// runtimes, from their own metadata, who depends on whom, and every file with its checksums. CycloneDX 1.6 and SPDX 2.3.
//
// Nothing of the root filesystem is run. Every byte of it is taken as hostile: sizes and counts are bounded, links are not
// followed while files are read, and what cannot be read becomes a warning. Contents are hashed as they stream by; only
// metadata, and of programs and archives no more than maxBuffer, are in memory.
//
// The writers of CycloneDX and SPDX are ours; the tests read their output with cyclonedx-go and tools-golang. The documents are
// attested, so their bytes must not change with the version of a library, and the agent carries neither library.
//
// Identifiers of licences and exceptions are those of github.com/github/go-spdx/v2 (spdxlicenses): the whole SPDX list, for 41 kB in the
// agent. Its expression parser is not used. Of 23 licence texts of Debian, Fedora, PyPI and npm metadata it reads 11, ours 21: package
// managers write operators in lower case, commas, and names of their own ("GPLv2+ and MIT", "MIT or ISC", "GPL-1+ or Artistic"). It also
// returns no terms, and its recursion has no bound.
package sbom
