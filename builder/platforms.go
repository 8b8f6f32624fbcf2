package builder

import (
	"context"
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

// SplitPlatforms reads "linux/amd64,linux/arm64". The first of the result is the one that an engine which runs native observes: what it cannot
// run follows from that one's evidence. Without any it is empty.
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

// runs says whether an engine with those platforms runs programs of another without emulation, which forbids tracing: an engine lists its own
// first (BuildKit, util/archutil), those it emulates after.
func runs(engine []ocispecs.Platform, platform string) bool {
	own := platforms.DefaultSpec()
	if len(engine) > 0 {
		own = engine[0]
	}
	return analyzer.SamePlatform(platforms.Format(own), platform)
}

// settle notes where the agent runs, for this build and the others that go with it.
func (b *build) settle(engine []ocispecs.Platform) {
	b.steps, b.foreign = b.platform, !runs(engine, b.platformString())
	if b.foreign {
		b.steps = platforms.DefaultSpec()
		if len(engine) > 0 {
			b.steps = engine[0]
		}
	}
}

// addOthers makes a build for each further platform.
func (b *build) addOthers(engine []ocispecs.Platform) error {
	for _, other := range b.opt.Others {
		one := *b
		one.others, one.opt.Others, one.opt.Input = nil, nil, other.Input
		p, err := platforms.Parse(other.Platform)
		if err != nil {
			return fmt.Errorf("platform %q: %w", other.Platform, err)
		}
		one.platform = platforms.Normalize(p)
		one.settle(engine)
		b.others = append(b.others, &one)
	}
	return nil
}

// borrowed is what is known of an image that the engine cannot run.
func (b *build) borrowed(src source) (*observation, error) {
	switch {
	case b.seen != nil:
		return b.seen, nil
	case len(b.opt.Evidence) > 0:
		return b.givenEvidence(src)
	}
	own := platforms.Format(b.steps)
	return nil, fmt.Errorf("%s cannot be observed here, the engine runs %s: add that one (--platform %s,%s), or pass --evidence from a machine that runs it",
		b.platformString(), own, own, b.platformString())
}

// unrun is why nothing was run for the platform, "" where the engine runs it.
func (b *build) unrun() string {
	if !b.foreign {
		return ""
	}
	return fmt.Sprintf("this engine runs %s, not %s", platforms.Format(b.steps), b.platformString())
}

// join builds the other platforms and puts them beside the first one's image.
func (b *build) join(ctx context.Context, c gateway.Client, res *gateway.Result, seen *observation, result *Result) error {
	for _, other := range b.others {
		if other.foreign {
			other.seen = seen
		}
		one := other.newResult()
		slim, _, err := other.make(ctx, c, one)
		if err != nil {
			return fmt.Errorf("%s: %w", other.platformString(), err)
		}
		if err := other.add(ctx, c, res, slim, one); err != nil {
			return fmt.Errorf("%s: %w", other.platformString(), err)
		}
		result.Platforms = append(result.Platforms, one)
	}
	return nil
}

// listPlatforms tells the exporter which image is for which platform.
func (b *build) listPlatforms(res *gateway.Result) error {
	list := exptypes.Platforms{}
	for _, one := range append([]*build{b}, b.others...) {
		list.Platforms = append(list.Platforms, exptypes.Platform{ID: one.platformString(), Platform: one.platform})
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("writing the platforms: %w", err)
	}
	res.AddMeta(exptypes.ExporterPlatformsKey, data)
	return nil
}

// named is the name of a step in the progress; that of an image which is not run names its platform.
func (b *build) named(text string) llb.ConstraintsOpt {
	if b.foreign {
		text += " (" + b.platformString() + ")"
	}
	return llb.WithCustomName("[slim] " + text)
}
