// Package vex writes what was decided about the vulnerabilities of an image in the two formats scanners read: OpenVEX 0.2
// (Trivy, Grype, Docker Scout) and CycloneDX VEX (DevGuard).
//
// A statement that a product is not affected always names its evidence. Packages that were removed have no statement: they are
// not in the image and not in its SBOM.
package vex
