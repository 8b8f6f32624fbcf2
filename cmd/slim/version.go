package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder/agent"
)

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:      "version",
		Usage:     "print the version",
		UsageText: "slim version",
		Description: `Prints the version of slim, the BuildKit it carries, the Go it was built with and its platform.

Examples:
   slim version
   slim --version
   slim version | cut -d' ' -f2`,
		Action: func(c *cli.Context) error {
			if _, err := p.arguments(c); err != nil {
				return err
			}
			return p.version(c)
		},
	}
}

// version prints one line, from what Go stamped into the program.
func (p *program) version(*cli.Context) error {
	_, err := fmt.Fprintln(p.stdout, versionLine())
	return err
}

func versionLine() string {
	buildkit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/moby/buildkit" {
				buildkit = dep.Version
			}
		}
	}
	line := fmt.Sprintf("slim %s (buildkit %s, %s, %s/%s)", ownVersion(), buildkit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if !agent.Carried() {
		line += ", without the agent, as `go install` makes it: it cannot build an image"
	}
	return line
}

// release is the version of a release; the linker sets it (make release).
var release string

// ownVersion is the version of the release, else what Go stamped into the program, "devel" without a version.
func ownVersion() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
