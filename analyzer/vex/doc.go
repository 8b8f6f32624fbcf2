// Package vex writes what was decided about the vulnerabilities of an image in the two formats scanners read: OpenVEX 0.2
// (Trivy, Grype, Docker Scout) and CycloneDX VEX (DevGuard).
//
// A statement that a product is not affected always names its evidence. Packages that were removed have no statement: they are
// not in the image and not in its SBOM.
//
// The writers are ours; a test reads the output with go-vex. That library takes the time of a new document from the clock, and here the
// same decisions must be the same bytes, because the documents are attested.
package vex
