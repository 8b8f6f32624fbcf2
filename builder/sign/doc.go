// Package sign signs images in a registry with a key, attaches signed statements to them, and verifies both.
//
// What is signed is the manifest of each platform and the index above them. Every signature and statement is about the one manifest it is
// attached to. There are two formats, side by side: cosign's tags (sha256-HEX.sig, sha256-HEX.att) and Sigstore bundles as OCI referrers.
// docs/signing.md says who reads which. No transparency log is asked and no certificate is involved: keyless signing is cosign's.
//
// The same key and the same image give the same bytes: ECDSA signatures are made as RFC 6979 has it, RSA and Ed25519 need no chance. So
// signing again changes nothing. Signatures of others are left as they are.
package sign
