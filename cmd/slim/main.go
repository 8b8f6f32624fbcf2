// Command slim makes a container image smaller: it runs the image inside BuildKit, keeps what the application needs, and
// checks that the result answers like the original.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
)

func main() {
	if code, is := engine.ServeHelper(os.Args); is {
		os.Exit(code)
	}
	if err := engine.EnterUserns(); err != nil {
		fmt.Fprintln(os.Stderr, "slim:", err)
		os.Exit(exitFailure)
	}
	os.Exit(run(os.Args))
}

// shutDownTime is the time to shut down in order after an interrupt.
const shutDownTime = 20 * time.Second

// run executes one command line and returns its exit code. The first interrupt shuts down in order, which takes a few seconds; the second
// exits at once, as does a shutdown that takes too long.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop()
		time.AfterFunc(shutDownTime, func() { os.Exit(exitCancelled) })
	})
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, images: &imports{}}
	context.AfterFunc(ctx, p.endIdle)
	err := p.run(ctx, args)
	engine.CloseStores()
	if failed := p.images.close(); failed != nil {
		p.infof("warning: removing old images from slim's cache: %v", failed)
	}
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	p.printError(err)
	return exitCode(err)
}

// endIdle ends the process after an interrupt if nothing needs an orderly end yet. A read of standard input or of a pipe does not notice
// the interrupt.
func (p *program) endIdle() {
	time.Sleep(time.Second)
	if !p.busy.Load() {
		p.printError(context.Canceled)
		os.Exit(exitCancelled)
	}
}

// program is one running command line.
type program struct {
	stdin  io.Reader
	stdout io.Writer // the result, and nothing else
	stderr io.Writer // everything else
	quiet  bool      // only errors
	rest   []string  // the arguments after "--", for commands that take them
	trees  []string  // directories that others than the operator may have filled, besides those that infile.Tree knows

	busy   atomic.Bool              // an engine or a Compose project is open, or was
	show   atomic.Pointer[progress] // the last display
	batch  bool                     // slim build --all: some images may be finished when it is cancelled
	images *imports
	shared *work                    // with --all: the engine and Docker that all images use
	job    func(*cli.Context) error // with --all: runs instead of slim build
}

// Exit codes, as the help and the README list them.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitCheck     = 3 // the image did not run or did nothing, or the slim image does not answer like it
	exitRebuild   = 4 // slim check: a rebuild is advised
	exitDue       = 5 // slim check: nothing to rebuild, but a decision is due
	exitCancelled = 130
)

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var (
		usage    *usageError
		slimmed  *builder.SlimmedError
		observed *builder.ObservationError
		idle     *builder.ExerciseError
		checked  *builder.CheckError
		strict   *builder.StrictError
		changed  *builder.UpdateError
		child    *childError
		batch    *batchError
		drifted  *driftError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &drifted):
		return drifted.code()
	case errors.As(err, &child):
		return child.code
	case errors.Is(err, context.Canceled):
		return exitCancelled
	case errors.As(err, &batch):
		return batch.code
	case errors.As(err, &usage), errors.As(err, &slimmed):
		return exitUsage
	case errors.As(err, &observed), errors.As(err, &idle), errors.As(err, &checked), errors.As(err, &strict),
		errors.As(err, &changed), errors.Is(err, errExportedAnyway):
		return exitCheck
	default:
		return exitFailure
	}
}
