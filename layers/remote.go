package layers

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// RemoteOptions say how slim talks to registries: with Docker's stored credentials, and reading no more than 4 MiB of a manifest.
func RemoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(limitedTransport{remote.DefaultTransport})}
}

// RegistryError says in one line what a registry answered. It satisfies errors.Is for ErrNotFound where the registry has no such thing.
func RegistryError(err error) error { return registryError(err) }

// SplitName separates a reference into its name as written and its tag.
func SplitName(ref string) (repo, tag string) { return splitName(ref) }
