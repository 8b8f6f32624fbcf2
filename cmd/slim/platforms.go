package main

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// onePlatform refuses a list of platforms for commands that take one.
func onePlatform(command, platform string) error {
	if command != "build" && strings.Contains(platform, ",") {
		return usagef("slim build takes several", "--platform %s: slim %s takes one", platform, command)
	}
	return nil
}

// openPlatforms opens the image for each requested platform; the first goes into opt itself, the rest into opt.Others.
func (p *program) openPlatforms(ctx context.Context, ref string, opt *builder.Options, w *work) error {
	list, err := builder.SplitPlatforms(opt.Platform, nil)
	if err != nil {
		return usagef("example: --platform linux/amd64,linux/arm64", "--platform: %v", err)
	}
	if len(list) < 2 {
		list = []string{opt.Platform}
	}
	for i, platform := range list {
		one := builder.Other{Platform: platform}
		if opt.Dockerfile == nil {
			if one.Input, err = p.openIn(ctx, ref, cmp.Or(platform, w.platform()), w); err != nil {
				return err
			}
		}
		if i == 0 {
			opt.Platform, opt.Input = one.Platform, one.Input
		} else {
			opt.Others = append(opt.Others, one)
		}
	}
	return nil
}

// platform is the one that the engine runs, "" if it is this machine's own. Without an engine it will be the embedded one, on this machine.
func (w *work) platform() string {
	if w.engine == nil || len(w.engine.Platforms) == 0 {
		return ""
	}
	name := platforms.Format(w.engine.Platforms[0])
	if analyzer.SamePlatform(name, "linux/"+runtime.GOARCH) {
		return ""
	}
	return name
}

// arrange moves the platform that the engine can run to the front: the plans of the others follow from its evidence.
func arrange(opt *builder.Options, engine []ocispecs.Platform) error {
	if len(opt.Others) == 0 {
		return nil
	}
	if opt.Export.Load {
		return usagef("pass --push or --output type=oci,dest=FILE", "--load takes one platform: Docker's classic store holds no index")
	}
	all := append([]builder.Other{{Platform: opt.Platform, Input: opt.Input}}, opt.Others...)
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.Platform
	}
	order, err := builder.SplitPlatforms(strings.Join(names, ","), engine)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b builder.Other) int { return slices.Index(order, a.Platform) - slices.Index(order, b.Platform) })
	opt.Platform, opt.Input, opt.Others = all[0].Platform, all[0].Input, all[1:]
	return nil
}
