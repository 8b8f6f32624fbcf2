package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
)

// batchSchema names the version of batchResult.
const batchSchema = "slim/batch/v1"

// batchResult is the result of slim build --all.
type batchResult struct {
	Schema string       `json:"schema"`
	Images []batchImage `json:"images"` // in the order of the file
}

// batchImage is what became of one image.
type batchImage struct {
	Name       string   `json:"name"`
	State      string   `json:"state"`              // "done", "before" (by an earlier run), "failed" or "cancelled"
	ExitCode   int      `json:"exitCode,omitempty"` // that slim build alone would have had
	Error      string   `json:"error,omitempty"`
	Hint       string   `json:"hint,omitempty"`
	Image      string   `json:"image,omitempty"`  // digest of the input
	Digest     string   `json:"digest,omitempty"` // of the slim image
	Names      []string `json:"names,omitempty"`
	Written    []string `json:"written,omitempty"`
	SizeBefore int64    `json:"sizeBefore,omitempty"`
	SizeAfter  int64    `json:"sizeAfter,omitempty"`
}

// States of a batchImage.
const (
	batchDone      = "done"
	batchBefore    = "before"
	batchFailed    = "failed"
	batchCancelled = "cancelled"
)

// batchError names the images that failed. Its exit code is 3 where all of them failed their run or check, else 1.
type batchError struct {
	failed []string
	total  int
	code   int
	file   string
}

func (e *batchError) Error() string {
	return fmt.Sprintf("%d of %d images failed: %s", len(e.failed), e.total, strings.Join(e.failed, ", "))
}

func (e *batchError) hint() string {
	return "slim build --all " + shellQuote(e.file) + " --resume builds what is missing"
}

const defaultJobs = 4

// allFlags make many images.
func allFlags() []cli.Flag {
	return []cli.Flag{
		text(groupInput, "all", "build every image of this YAML FILE, instead of one IMAGE"),
		withDefault(text(groupBuildKit, "jobs", "with --all: NUMBER of images at work at once"), strconv.Itoa(defaultJobs)),
		toggle(groupInput, "resume", "with --all: only what an earlier run did not finish (FILE.state.json)"),
	}
}

// batch is one slim build --all at work.
type batch struct {
	p       *program
	file    string
	entries []batchEntry
	shared  *work // engine and Docker for all
	engine  engine.Options
	state   *batchState
	board   *board
	result  batchResult

	mu    sync.Mutex
	taken map[string]string // name or file of a result -> the image that it is of
	lost  atomic.Bool       // an image has waited in vain for the engine
}

// buildAll is slim build --all: the file, the engine, the images, the summary.
func (p *program) buildAll(c *cli.Context) error {
	p.quiet, p.batch = c.Bool("quiet"), true
	b := &batch{p: p, file: c.String("all"), engine: engineOptions(c), taken: map[string]string{}, result: batchResult{Schema: batchSchema}}
	jobs, err := b.prepare(c)
	if err != nil {
		return err
	}
	if engine.NeedsUserns(b.engine.Spec) {
		code, err := engine.RunInUserns(c.Context, os.Args)
		if err == nil {
			err = &childError{code}
		}
		return err
	}
	if b.state, err = p.openBatchState(b.file+".state.json", c.Bool("resume")); err != nil {
		return err
	}
	shared := &work{}
	defer shared.close()
	if shared.docker, err = engine.Docker(c.Context); err != nil && !errors.Is(err, engine.ErrNoDocker) {
		return err
	}
	if err := p.connect(c, shared); err != nil {
		return err
	}
	b.shared = shared
	names := make([]string, len(b.entries))
	for i, entry := range b.entries {
		names[i] = entry.name
	}
	mode := c.String("progress")
	if p.quiet {
		mode = "quiet"
	}
	b.board = newBoard(p.stderr, mode, names)
	b.run(c.Context, jobs)
	b.board.close()
	if c.Context.Err() != nil {
		p.say("%d of %d images done; %s", b.count(batchDone)+b.count(batchBefore), len(b.entries), (&batchError{file: b.file}).hint())
		return c.Context.Err()
	}
	b.table()
	if err := b.print(c); err != nil {
		return err
	}
	return b.failure()
}

// prepare reads the file and judges every image's options before anything begins.
func (b *batch) prepare(c *cli.Context) (jobs int, err error) {
	if c.Args().Present() {
		return 0, usagef("slim build --all FILE", "unexpected argument %q: the images stand in %s", c.Args().First(), b.file)
	}
	for name, flag := range batchFlags(c.Command.Flags) {
		if c.IsSet(name) && os.Getenv(flag.(cli.DocGenerationFlag).GetEnvVars()[0]) == "" {
			return 0, usagef("write it under defaults: in "+b.file, "--%s is of one image", name)
		}
	}
	if err := errors.Join(oneOf("format", c.String("format"), "", "text", "json"), oneOf("progress", c.String("progress"), "", "auto", "plain", "tty", "quiet", "rawjson")); err != nil {
		return 0, err
	}
	if jobs, err = strconv.Atoi(c.String("jobs")); err != nil || jobs < 1 {
		return 0, usagef("example: --jobs 8", "--jobs %q is no number of images", c.String("jobs"))
	}
	data, err := b.p.readFile(b.file)
	if err != nil {
		return 0, err
	}
	if b.entries, err = parseBatch(data, c.Command.Flags); err != nil {
		return 0, &usageError{message: fmt.Sprintf("--all %s: %v", b.file, err), hint: "docs/reference.md shows the form of a file of images"}
	}
	for _, entry := range b.entries {
		err := b.one(c.Context, entry, func(q *program, c *cli.Context) error {
			opt, err := q.prepare(c)
			if err != nil {
				return err
			}
			return b.claim(entry.name, c, opt)
		})
		if err != nil {
			var usage *usageError
			if errors.As(err, &usage) {
				return 0, &usageError{message: fmt.Sprintf("--all %s: line %d: %s", b.file, entry.line, usage.message), hint: usage.hint}
			}
			return 0, fmt.Errorf("--all %s: line %d: %w", b.file, entry.line, err)
		}
	}
	return jobs, nil
}

// one reads the command line that an image stands for and gives it to do.
func (b *batch) one(ctx context.Context, entry batchEntry, do func(*program, *cli.Context) error) error {
	var out bytes.Buffer
	q := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &out, quiet: true, shared: b.shared}
	q.job = func(c *cli.Context) error { return do(q, c) }
	return q.run(ctx, entry.args)
}

// claim refuses a name or file that another image's result has.
func (b *batch) claim(image string, c *cli.Context, opt builder.Options) error {
	places := append([]string{c.String("report"), c.String("artifacts")}, opt.Export.Names...)
	if lock, ok := lockName(c, "lock"); ok {
		places = append(places, lock)
	}
	for _, out := range opt.Export.Outputs {
		if out.Dest == "-" {
			return usagef("give it a file: dest=FILE", "many images do not go to stdout")
		}
		places = append(places, out.Dest)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, place := range places {
		if other := b.taken[place]; place != "" && other != "" && other != image {
			return usagef("give each image its own", "%s and %s have the same place for their result: %s", other, image, place)
		}
		b.taken[place] = image
	}
	return nil
}

// run builds the images, so many at once.
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
	_ = group.Wait() // what went wrong stands in the results
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
		image.State, image.ExitCode, image.Error, image.Hint = batchFailed, exitCode(err), oneLine(err.Error()), hintFor(err)
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
	opt, ends, err := q.readBuild(c)
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
	opt.Step = func(stage string) func(error) {
		b.board.set(i, stage)
		return nil
	}
	result, err := builder.Build(c.Context, opt)
	if err != nil {
		return image, errors.Join(err, q.writeReport(c, reportOf(result, err)))
	}
	image = batchImage{Name: name, State: batchDone, Image: result.Image, Digest: result.Digest, Written: result.Written,
		SizeBefore: result.SizeBefore, SizeAfter: result.SizeAfter}
	if opt.Export.Load || opt.Export.Push {
		image.Names = result.Names
	}
	if err := q.finish(c, opt, result, ends); err != nil {
		return image, err
	}
	return image, b.state.add(key, image)
}

// engineWait is how long the first image waits for an engine that went away; those after it do not wait.
const engineWait = 20 * time.Second

// open opens an image's input, and for a BuildKit at an address a connection of its own: where many stand behind the address, each
// image may get another, and one that ends takes only its own images with it.
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

func (b *batch) count(state string) int {
	n := 0
	for _, image := range b.result.Images {
		if image.State == state {
			n++
		}
	}
	return n
}

// table prints what became of every image.
func (b *batch) table() {
	if b.p.quiet {
		return
	}
	w := tabwriter.NewWriter(b.p.stderr, 0, 8, 2, ' ', 0)
	for _, image := range b.result.Images {
		switch image.State {
		case batchFailed:
			fmt.Fprintf(w, "slim:   %s\tfailed\t%s\n", image.Name, image.Error)
		default:
			fmt.Fprintf(w, "slim:   %s\t%s\t%s -> %s\t%s\n", image.Name, image.State, megabytes(image.SizeBefore), megabytes(image.SizeAfter),
				strings.Join(append(image.Names, image.Written...), " "))
		}
	}
	w.Flush()
	b.p.say("%d done, %d done before, %d failed", b.count(batchDone), b.count(batchBefore), b.count(batchFailed))
}

// print writes the result to stdout.
func (b *batch) print(c *cli.Context) error {
	if c.String("format") == "json" {
		return writeJSON(b.p.stdout, b.result)
	}
	out := &printer{w: b.p.stdout}
	for _, image := range b.result.Images {
		if image.State == batchFailed {
			continue
		}
		for _, name := range append(image.Names, image.Written...) {
			out.line("%s", name)
		}
	}
	return out.err
}

// failure is the error of a run in which images failed.
func (b *batch) failure() error {
	e := &batchError{total: len(b.entries), file: b.file, code: exitCheck}
	for _, image := range b.result.Images {
		switch {
		case image.State != batchFailed:
			continue
		case image.ExitCode != exitCheck:
			e.code = exitFailure
		}
		e.failed = append(e.failed, image.Name)
	}
	if len(e.failed) == 0 {
		return nil
	}
	return e
}
