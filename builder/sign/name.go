package sign

import "github.com/google/go-containerregistry/pkg/name"

// ByDigest is a reference with a digest instead of its tag; a name that is not a reference stays as it is.
func ByDigest(ref, digest string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ref
	}
	return parsed.Context().Name() + "@" + digest
}
