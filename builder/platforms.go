package builder

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// Other is one more platform of the image that is built; Input is nil where a Dockerfile is.
type Other struct {
	Platform string
	Input    *layers.Input
}

// SplitPlatforms parses a list such as "linux/amd64,linux/arm64". The platform that the engine runs is the first of the result: it is
// observed, and the others follow from its evidence. The result of an empty list is empty.
func SplitPlatforms(list string, native []ocispecs.Platform) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	var all []string
	for _, one := range strings.Split(list, ",") {
		p, err := platforms.Parse(strings.TrimSpace(one))
		if err != nil {
			return nil, fmt.Errorf("platform %q: %w", one, err)
		}
		if name := platforms.Format(platforms.Normalize(p)); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return order(runs(native, a)) - order(runs(native, b)) })
	return all, nil
}

func order(first bool) int {
	if first {
		return 0
	}
	return 1
}

// runs reports whether an engine with those platforms runs programs of a platform without emulation, which prevents tracing. An engine
// lists its own platform first (BuildKit, util/archutil), and those that it emulates after it.
func runs(engine []ocispecs.Platform, platform string) bool {
	return analyzer.SamePlatform(platforms.Format(ownPlatform(engine)), platform)
}

// ownPlatform is the platform that an engine runs without emulation. It need not be the client's, which may run macOS or Windows.
func ownPlatform(engine []ocispecs.Platform) ocispecs.Platform {
	if len(engine) > 0 {
		return engine[0]
	}
	own := platforms.DefaultSpec()
	return ocispecs.Platform{OS: "linux", Architecture: own.Architecture, Variant: own.Variant}
}

// chooseSteps sets the platform of the steps and the agent.
func (b *build) chooseSteps(engine []ocispecs.Platform) {
	b.steps, b.foreign = b.platform, !runs(engine, b.platformString())
	if b.foreign {
		b.steps = ownPlatform(engine)
	}
}

// addOthers adds a build for each further platform.
func (b *build) addOthers(engine []ocispecs.Platform) error {
	for _, other := range b.opt.Others {
		one := *b
		one.others, one.opt.Others, one.opt.Input = nil, nil, other.Input
		p, err := platforms.Parse(other.Platform)
		if err != nil {
			return fmt.Errorf("platform %q: %w", other.Platform, err)
		}
		one.platform = platforms.Normalize(p)
		one.chooseSteps(engine)
		b.others = append(b.others, &one)
	}
	return nil
}

// foreignEvidence returns the evidence for an image that the engine cannot run: that of the native platform, or the given one.
func (b *build) foreignEvidence(in input, native *observation) (*observation, error) {
	switch {
	case native != nil:
		return native, nil
	case len(b.opt.Evidence) > 0:
		return b.givenEvidence(in)
	}
	own := platforms.Format(b.steps)
	return nil, fmt.Errorf("%s cannot be observed here, the engine runs %s: add that one (--platform %s,%s), "+
		"or pass --evidence from a machine that runs it",
		b.platformString(), own, own, b.platformString())
}

// whyNotRun is the reason why images of a foreign platform are not run.
func (b *build) whyNotRun() string {
	return fmt.Sprintf("this engine runs %s, not %s", platforms.Format(b.steps), b.platformString())
}

// listPlatforms adds the platforms of the images to the result, for the exporter.
func (b *build) listPlatforms(res *gateway.Result) error {
	list := exptypes.Platforms{}
	for _, one := range b.platforms() {
		list.Platforms = append(list.Platforms, exptypes.Platform{ID: one.platformString(), Platform: one.platform})
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("writing the platforms: %w", err)
	}
	res.AddMeta(exptypes.ExporterPlatformsKey, data)
	return nil
}

// named sets the name of a step in the progress. The name includes the platform if it is foreign to the engine.
func (b *build) named(text string) llb.ConstraintsOpt {
	if b.foreign {
		text += " (" + b.platformString() + ")"
	}
	return titled(text)
}
