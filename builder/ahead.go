package builder

import (
	"context"
	"sync"

	"github.com/moby/buildkit/solver/pb"

	"github.com/slimimage/slim/analyzer"
)

// ahead does work that the rest of the build will ask for if all goes well, while it waits for something else. BuildKit then has the
// result, or is making it, when it is asked for; nothing else comes of it, and an error is found at that time. The function that is
// returned ends what is not complete, and waits for it.
func (b *build) ahead(ctx context.Context, works ...func(context.Context)) (stop func()) {
	if b.inOrder {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, work := range works {
		all.Go(func() { work(ctx) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// inParallel is a copy of the build for work beside it: the stage of a build changes.
func (b *build) inParallel(stage Stage) *build {
	own := *b
	own.stage = stage
	return &own
}

// checkAhead runs an image as an arbitrary user and lists its materials while the check runs it as its own user. In a network that it
// shares, the image runs once at a time; so do the several runs of a job, of which there are two at a time already.
func (k *checker) checkAhead(ctx context.Context, img *packed, plan *analyzer.Plan, found analyzer.Findings) (stop func()) {
	b := k.inParallel(StageCheck)
	works := []func(context.Context){func(ctx context.Context) {
		if b.listsMaterials() {
			_, _ = b.list(ctx, k.client, img.state, listTitle, b.materialArgs(plan, img)...)
		}
	}}
	if b.network() == pb.NetMode_NONE && len(b.opt.Observe.Runs) == 0 {
		beside, model := *k, b.model(k.in, k.original, plan, found)
		beside.build = b
		works = append(works, func(ctx context.Context) { _, _ = beside.see(ctx, img, stranger(&model, plan), 0) })
	}
	return b.ahead(ctx, works...)
}
