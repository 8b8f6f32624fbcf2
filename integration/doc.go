// Package integration holds the end-to-end tests: real images made of Debian packages, a real BuildKit, real runc. They are
// behind the build tag e2e (`make e2e`), because they need root or a user namespace, runc and mmdebstrap; what is missing there
// is a failure, never a skip.
package integration
