package builder

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	mobyclient "github.com/moby/moby/client"
)

// pushesFromDocker reports whether an image that is pushed is first put into the Docker engine's store, and pushed by the engine: its
// BuildKit has no exporter for registries where the store is the classic one.
func (b *build) pushesFromDocker() bool {
	return b.opt.Engine.SharesDockerStore() && !b.opt.Engine.OCILayout
}

// pushFromDocker makes the engine push the names of the result. It returns the digest of the manifest that the engine wrote.
func (b *build) pushFromDocker(ctx context.Context) (digest string, err error) {
	for _, name := range b.opt.Export.Names {
		if digest, err = pushName(ctx, b.opt.Engine.Docker, name); err != nil {
			return "", fmt.Errorf("pushing %s from Docker: %w", name, err)
		}
	}
	return digest, nil
}

func pushName(ctx context.Context, docker *mobyclient.Client, name string) (digest string, err error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", err
	}
	auth, err := registryAuth(named)
	if err != nil {
		return "", err
	}
	response, err := docker.ImagePush(ctx, reference.TagNameOnly(named).String(), mobyclient.ImagePushOptions{RegistryAuth: auth})
	if err != nil {
		return "", err
	}
	defer response.Close()
	for message, err := range response.JSONMessages(ctx) {
		if err != nil {
			return "", err
		}
		if message.Error != nil {
			return "", errors.New(message.Error.Message)
		}
		var pushed struct{ Digest string }
		if message.Aux != nil && json.Unmarshal(*message.Aux, &pushed) == nil && pushed.Digest != "" {
			digest = pushed.Digest
		}
	}
	return digest, nil
}

// registryAuth is the value of X-Registry-Auth with the user's credentials for a registry.
func registryAuth(named reference.Named) (string, error) {
	host := reference.Domain(named)
	if host == "docker.io" {
		host = "https://index.docker.io/v1/" // the key of Docker Hub in Docker's config
	}
	auth, err := config.LoadDefaultConfigFile(io.Discard).GetAuthConfig(host)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(auth)
	return base64.URLEncoding.EncodeToString(data), err
}
