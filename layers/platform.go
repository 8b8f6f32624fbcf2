package layers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// fits reports whether an image for one platform can be used for another: same system and architecture, and the same variant if both
// name one. arm64 has one variant, v8, which most images leave out.
func fits(have, want v1.Platform) bool {
	return have.OS == want.OS && have.Architecture == want.Architecture &&
		(have.Variant == "" || want.Variant == "" || have.Variant == want.Variant)
}

// platformError returns an error that names the available platforms and the wanted one.
func platformError(have []v1.Platform, want v1.Platform) error {
	var names []string
	for _, p := range have {
		if name := p.String(); p.OS != "unknown" && name != "" && !slices.Contains(names, name) && len(names) < 30 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w %s", ErrPlatform, want)
	}
	return fmt.Errorf("it is for %s, not for %s: %w", strings.Join(names, ", "), want, ErrPlatform)
}

// platform returns the platform from the image's config.
func (in *Input) platform() (v1.Platform, error) {
	config, err := in.Image.ConfigFile()
	if err != nil {
		return v1.Platform{}, fmt.Errorf("reading its config: %w", err)
	}
	p := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	if p.Architecture == "" {
		return p, errors.New("its config names no architecture: it is not the image of a container")
	}
	if p.OS == "" {
		p.OS = "linux"
	}
	return p, nil
}
