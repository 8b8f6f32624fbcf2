package layers

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// RemoteOptions configure access to registries: with Docker's stored credentials, through BoundedTransport.
func RemoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(BoundedTransport(remote.DefaultTransport))}
}

// RegistryError describes a registry's answer in one line. It satisfies errors.Is for ErrNotFound if the registry does not have the
// image.
func RegistryError(err error) error { return registryError(err) }

// SplitName separates a reference into its name as written and its tag.
func SplitName(ref string) (repo, tag string) { return splitName(ref) }
