package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
)

// run builds the images, at most jobs of them at a time.
func (b *batch) run(ctx context.Context, jobs int) {
	b.result.Images = make([]batchImage, len(b.entries))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, entry := range b.entries {
		group.Go(func() error {
			image := batchImage{Name: entry.name, State: batchCancelled, ExitCode: exitCancelled}
			if ctx.Err() == nil {
				image = b.image(ctx, i, entry)
			}
			b.result.Images[i] = image
			return nil
		})
	}
	_ = group.Wait() // the results hold the errors
}

// image builds one image.
func (b *batch) image(ctx context.Context, i int, entry batchEntry) batchImage {
	var image batchImage
	err := b.one(ctx, entry, func(q *program, c *cli.Context) (err error) {
		image, err = b.build(q, c, i)
		return err
	})
	image.Name = entry.name
	switch {
	case err != nil && ctx.Err() != nil:
		image.State, image.ExitCode = batchCancelled, exitCancelled
	case err != nil:
		image.State, image.ExitCode, image.Error, image.Hint = batchFailed, exitCode(err), printable.Lines(err.Error()), hintFor(err)
	}
	text := image.State
	switch image.State {
	case batchDone:
		text = fmt.Sprintf("done, %s -> %s", megabytes(image.SizeBefore), megabytes(image.SizeAfter))
	case batchBefore:
		text = "done by an earlier run"
	case batchFailed:
		text = "failed: " + image.Error
	}
	b.board.end(i, text, err == nil)
	return image
}

// build is what slim build does for one image, with the engine that all share.
func (b *batch) build(q *program, c *cli.Context, i int) (image batchImage, err error) {
	name := b.entries[i].name
	opt, then, err := q.readBuild(c)
	if err != nil {
		return image, err
	}
	b.board.set(i, "opening")
	work, done, err := b.open(q, c, &opt, i)
	if err != nil {
		return image, err
	}
	defer done()
	if err := work.place(c, &opt); err != nil {
		return image, err
	}
	if err := b.claim(name, c, opt); err != nil {
		return image, err
	}
	key, err := batchKey(c.Context, c, opt)
	if err != nil {
		return image, err
	}
	if before := b.state.find(key); before != nil {
		image = *before
		image.State = batchBefore
		return image, nil
	}
	show := b.board.follow(c.Context, i)
	opt.Status, opt.Step = show.status(), show.step
	result, err := builder.Build(c.Context, opt)
	show.close()
	if err != nil {
		return image, q.fail(c, result, err, then)
	}
	image = batchImage{Name: name, State: batchDone, Image: result.Image, Digest: result.Digest, Written: result.Written,
		SizeBefore: result.SizeBefore, SizeAfter: result.SizeAfter}
	if opt.Export.Load || opt.Export.Push {
		image.Names = result.Names
	}
	if err := q.finish(c, opt, result, then); err != nil {
		return image, err
	}
	return image, b.state.add(key, image)
}

// engineWait is how long the first image waits for an engine that went away; later images do not wait.
const engineWait = 20 * time.Second

// open opens an image's input, and for a BuildKit at an address a connection of its own: behind a load balancer each image may
// get a different server, and a server that stops fails only its own images.
func (b *batch) open(q *program, c *cli.Context, opt *builder.Options, i int) (*work, func(), error) {
	w, err := q.open(c, opt)
	if err != nil || b.shared.engine.Kind != engine.KindAddress {
		return w, func() {}, err
	}
	for deadline := time.Now().Add(engineWait); ; {
		opt.Engine, err = engine.Connect(c.Context, b.engine)
		if err == nil {
			b.lost.Store(false)
			own := opt.Engine
			return w, func() { _ = own.Close() }, nil
		}
		if b.lost.Load() || time.Now().After(deadline) || c.Context.Err() != nil {
			b.lost.Store(true)
			return nil, nil, err
		}
		b.board.set(i, "waiting for BuildKit")
		time.Sleep(time.Second)
	}
}
