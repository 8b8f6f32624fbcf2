// Package layers reads container images: it opens them, merges their layers, and inspects and compares the result. It never runs an image
// and, except for Copy, never changes one.
//
// Open finds an image in a registry, a Docker engine, an archive, an OCI layout or a stream, and resolves it to a digest. NewIndex merges
// the layers of an image into an Index, the tree that a container of it sees; only headers are held in memory. An Index and a directory
// (DirFS) are both a RootFS, which the packages above read. Resolve follows a path in a RootFS as the kernel does and never leaves it.
//
// Every byte of an image is hostile. Sizes, counts and lengths are limited before anything is read, digests are verified, and names and
// links stay inside the root. The same image gives the same Index, in the same order.
//
// A Path is a slash path without a leading slash; the root is ".". Package layerstest builds a RootFS from text for tests.
package layers
