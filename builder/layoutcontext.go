package builder

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/infile"
)

// layoutScheme begins a --build-context that is an image in an OCI layout: oci-layout://DIR[:TAG][@DIGEST], as in buildx.
const layoutScheme = "oci-layout://"

// layoutContext is such an image.
type layoutContext struct{ dir, digest string }

// openLayoutContext finds the image in the layout's index. Without a tag or digest it is the only one, or the one with the tag latest.
func openLayoutContext(value string) (layoutContext, error) {
	dir, digest, _ := strings.Cut(strings.TrimPrefix(value, layoutScheme), "@")
	tag := ""
	if at := strings.LastIndexByte(dir, ':'); at > strings.LastIndexAny(dir, `/\`) {
		dir, tag = dir[:at], dir[at+1:]
	}
	if err := infile.Stays(dir); err != nil {
		return layoutContext{}, err
	}
	digest, err := layers.LayoutDigest(dir, digest, tag)
	if err != nil {
		return layoutContext{}, fmt.Errorf("%s: %w", value, err)
	}
	return layoutContext{dir, digest}, nil
}

// layoutContexts are the images in OCI layouts that a Dockerfile gets, by the names of their contexts.
func (b *build) layoutContexts() (map[string]layoutContext, error) {
	found := map[string]layoutContext{}
	if b.opt.Dockerfile == nil {
		return found, nil
	}
	for name, value := range b.opt.Dockerfile.BuildContexts {
		if !strings.HasPrefix(value, layoutScheme) {
			continue
		}
		one, err := openLayoutContext(value)
		if err != nil {
			return nil, fmt.Errorf("build context %s=%w", name, err)
		}
		found[name] = one
	}
	return found, nil
}

// layoutStoreName is the name of the content store of a context: the name of a repository, which that of a context need not be.
func layoutStoreName(context string) string {
	return contextStore(digest.FromString(context).Encoded()[:16])
}
