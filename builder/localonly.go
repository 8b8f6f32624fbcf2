package builder

import (
	"context"
	"fmt"
	"regexp"

	"github.com/distribution/reference"
)

// LocalOnlyError says that a Dockerfile starts from an image that Docker has, and that the engine looked for in a registry.
type LocalOnlyError struct {
	Image  string // as docker prints it
	Engine string
}

func (e *LocalOnlyError) Error() string {
	return fmt.Sprintf("only Docker has %s, and %s does not see Docker's images", e.Image, e.Engine)
}

// Hint is the next step.
func (e *LocalOnlyError) Hint() string {
	return "push it to a registry, or build with --engine docker where Docker's own BuildKit is recent"
}

// unresolved finds the reference in BuildKit's error about an image that it cannot find (frontend/dockerfile, llbbridge).
var unresolved = regexp.MustCompile(`failed to resolve source metadata for (\S+?): `)

// localOnly explains an error of a Dockerfile's build where the missing image is in Docker.
func (b *build) localOnly(ctx context.Context, err error) error {
	docker := b.opt.Export.Docker
	if err == nil || docker == nil || b.opt.Engine.SharesDockerStore() {
		return err
	}
	found := unresolved.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	named, parseErr := reference.ParseNormalizedNamed(found[1])
	if parseErr != nil {
		return err
	}
	image := reference.FamiliarString(named)
	if _, missing := docker.ImageInspect(ctx, image); missing != nil {
		return err
	}
	return fmt.Errorf("building %s: %w", b.inputName(), &LocalOnlyError{image, b.opt.Engine.Name})
}
