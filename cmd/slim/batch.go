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

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
)

const defaultJobs = 4

// allFlags make many images.
func allFlags() []cli.Flag {
	return []cli.Flag{
		text(groupInput, "all", "build every image of this YAML FILE, instead of one IMAGE"),
		withDefault(text(groupBuildKit, "jobs", "with --all: NUMBER of images at work at once"), strconv.Itoa(defaultJobs)),
		texts(groupInput, "allow", "with --all: let FILE set this FLAG, which a file of a repository may not (repeatable)"),
		toggle(groupInput, "resume", "with --all: only what an earlier run did not finish (FILE.state.json)"),
	}
}

// batch is one run of slim build --all.
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
	taken map[string]string // name or file of a result -> its image
	lost  atomic.Bool       // an image has given up waiting for the engine
}

// buildAll is slim build --all: the file, the engine, the images, the summary.
func (p *program) buildAll(c *cli.Context) error {
	p.quiet, p.batch = c.Bool("quiet"), true
	b := &batch{p: p, file: c.String("all"), engine: engineOptions(c), taken: map[string]string{}, result: batchResult{Schema: batchSchema}}
	jobs, err := b.prepare(c)
	if err != nil {
		return err
	}
	if podman := inPodman(""); engine.NeedsUserns(b.engine.Spec, podman) {
		return p.inUserns(c.Context, podman, true)
	}
	if b.state, err = p.openBatchState(b.file+".state.json", c.Bool("resume")); err != nil {
		return err
	}
	shared := &work{}
	defer shared.close()
	engineOpt := p.engineNeeds(c, &builder.Options{}, "")
	if err := shared.findDocker(c.Context, &engineOpt); err != nil {
		return err
	}
	if err := p.connect(c.Context, engineOpt, shared); err != nil {
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
		p.infof("%d of %d images done; %s", b.count(batchDone)+b.count(batchBefore), len(b.entries), (&batchError{file: b.file}).hint())
		return c.Context.Err()
	}
	b.table()
	if err := b.print(c); err != nil {
		return err
	}
	return b.failure()
}

// prepare reads the file and checks the options of every image before the first build.
func (b *batch) prepare(c *cli.Context) (jobs int, err error) {
	if c.Args().Present() {
		return 0, usagef("slim build --all FILE", "unexpected argument %q: the images are listed in %s", c.Args().First(), b.file)
	}
	if b.file == "-" {
		return 0, usagef("write them to a file: slim keeps its state file beside it", "--all does not read standard input")
	}
	for name, flag := range batchFlags(c.Command.Flags) {
		if c.IsSet(name) && os.Getenv(flag.(cli.DocGenerationFlag).GetEnvVars()[0]) == "" {
			return 0, usagef("write it under defaults: in "+b.file, "--%s applies to a single image", name)
		}
	}
	if err := errors.Join(oneOf("format", c.String("format"), "", "text", "json"), oneOf("progress", c.String("progress"), "", "auto",
		"plain", "tty", "quiet", "rawjson")); err != nil {
		return 0, err
	}
	if jobs, err = strconv.Atoi(c.String("jobs")); err != nil || jobs < 1 {
		return 0, usagef("example: --jobs 8", "--jobs %q is not a positive number", c.String("jobs"))
	}
	data, err := b.p.readBounded(b.file, maxUserFile)
	if err != nil {
		return 0, err
	}
	limits, err := newBatchLimits(b.file, c.StringSlice("allow"))
	if err != nil {
		return 0, err
	}
	if b.entries, err = parseBatch(data, c.Command.Flags, limits); err != nil {
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

// one parses the command line of an image and calls do with it.
func (b *batch) one(ctx context.Context, entry batchEntry, do func(*program, *cli.Context) error) error {
	var out bytes.Buffer
	q := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &out, quiet: true, shared: b.shared, images: b.p.images}
	q.job = func(c *cli.Context) error { return do(q, c) }
	return q.run(ctx, entry.args)
}

// claim refuses a name or file that another image's result already has.
func (b *batch) claim(image string, c *cli.Context, opt builder.Options) error {
	places := append([]string{c.String("report"), c.String("artifacts")}, opt.Export.Names...)
	if lock, ok := lockName(c, "lock"); ok {
		places = append(places, lock)
	}
	for _, out := range opt.Export.Outputs {
		if out.Dest == "-" {
			return usagef("give it a file: dest=FILE", "--all cannot write images to stdout")
		}
		places = append(places, out.Dest)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, place := range places {
		if other := b.taken[place]; place != "" && other != "" && other != image {
			return usagef("give each image its own", "%s and %s write their result to the same place: %s", other, image, place)
		}
		b.taken[place] = image
	}
	return nil
}
