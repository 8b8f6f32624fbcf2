// Command slim-sensor is the agent that slim runs inside BuildKit: it observes an image, analyzes what it saw, packs the
// result and lists its materials. It is one static program without privilege of its own; builder mounts it at /.slim/bin. In any other
// container it wraps the entrypoint and records what that does while others drive it.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/slimimage/slim/analyzer/trace"
)

// The main thread is what a tracer seizes and what becomes the application: it must stay the one that main runs on.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) == 2 && os.Args[1] == "stub" && os.Getenv("SLIM_STUB") != "" {
		trace.Stub()
	}
	os.Exit(run(context.Background(), os.Args))
}

// run does one stage. It returns the exit code: 0 done (also when the application failed: the evidence says so),
// 1 the stage itself failed, 2 wrong arguments; of a wrapped application its own.
func run(ctx context.Context, args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "slim-sensor: usage: slim-sensor observe|analyze|pack|sbom|wrap|collect|install")
		return 2
	}
	stages := map[string]func(context.Context, []string) error{
		"observe": observe,
		"analyze": analyze,
		"pack":    pack,
		"sbom":    materials,
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
		fmt.Fprintf(os.Stderr, "slim-sensor: %s: %v\n", args[1], err)
		return 1
	}
	return 0
}
