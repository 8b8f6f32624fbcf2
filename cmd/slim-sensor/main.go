// Command slim-sensor is the agent that slim runs inside BuildKit: it observes an image, analyzes the evidence, packs the
// result, lists its packages and updates them. It is one static program that needs no privilege; builder mounts it at /.slim/bin. In any
// other container it wraps the entrypoint and records its activity.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/trace"
)

// The tracer seizes the main thread, and the main thread execs the application: main must stay on it.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) == 2 && os.Args[1] == "stub" && os.Getenv("SLIM_STUB") != "" {
		trace.Stub()
	}
	os.Exit(run(context.Background(), os.Args))
}

// run executes one stage and returns the exit code: 0 for success (also when the application failed, which the evidence records), 1 when
// the stage failed, 2 for wrong arguments, analyzer.ExitUnsealed for evidence that the agent did not write. A wrapped application keeps its
// own exit code.
func run(ctx context.Context, args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "slim-sensor: usage: slim-sensor observe|accept|analyze|pack|sbom|symbols|update|wrap|collect|install")
		return 2
	}
	stages := map[string]func(context.Context, []string) error{
		"observe": observe,
		"accept":  accept,
		"analyze": analyze,
		"pack":    pack,
		"sbom":    materials,
		"update":  updatePackages,
		"symbols": symbols,
		"wrap":    wrap,
		"collect": collect,
		"install": install,
	}
	stage, ok := stages[args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "slim-sensor: no stage %q\n", args[1])
		return 2
	}
	if err := stage(ctx, args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "slim-sensor: %s: %s\n", args[1], printable.Lines(err.Error()))
		if errors.Is(err, analyzer.ErrSeal) || errors.Is(err, errNoEvidence) {
			return analyzer.ExitUnsealed
		}
		return 1
	}
	return 0
}
