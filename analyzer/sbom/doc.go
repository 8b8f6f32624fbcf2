// Package sbom writes the bill of materials of a root filesystem: the packages of its package manager and of its language
// runtimes, from their own metadata, who depends on whom, and every file with its checksums. CycloneDX 1.6 and SPDX 2.3.
//
// Nothing of the root filesystem is run. Every byte of it is taken as hostile: sizes and counts are bounded, links are not
// followed while files are read, and what cannot be read becomes a warning. Contents are hashed as they stream by; only
// metadata, and of programs and archives no more than maxBuffer, are in memory.
package sbom
