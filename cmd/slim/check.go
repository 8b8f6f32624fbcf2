package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/lock"
)

func (p *program) checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "check whether a lock still matches its input",
		UsageText: "slim check --outdated [flags] [LOCK]",
		Description: `Looks up the input of a lock (slim build --lock; default slim.lock), or the base images of its Dockerfile, and prints whether
they have changed since. The exit code is 1 if one has. The files of a build context are not compared; slim build --locked does that.

Examples:
   slim check --outdated
   slim check --outdated deploy/slim.lock --format json
   slim check --outdated || slim build nginx:1.27 --lock`,
		Flags:  []cli.Flag{toggle(groupInput, "outdated", "look up what the input is now"), formatFlag()},
		Action: p.check,
	}
}

// outdatedSchema names the version of outdated.
const outdatedSchema = "slim/outdated/v1"

// outdated is the result of slim check --outdated.
type outdated struct {
	Schema   string          `json:"schema"`
	Lock     string          `json:"lock"`
	Outdated bool            `json:"outdated"`
	Inputs   []outdatedInput `json:"inputs"`
}

// outdatedInput is one image that a lock depends on.
type outdatedInput struct {
	Reference string `json:"reference"`
	Locked    string `json:"locked"`
	Now       string `json:"now"`
	Outdated  bool   `json:"outdated"`
}

// check is the command.
func (p *program) check(c *cli.Context) error {
	name := lock.Name
	if c.Args().Present() {
		args, err := p.arguments(c, "LOCK")
		if err != nil {
			return err
		}
		name = args[0]
	}
	if !c.Bool("outdated") {
		return usagef("slim check --outdated [LOCK]", "nothing to check without --outdated")
	}
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return err
	}
	locked, err := lock.Read(name, builder.LockOptions())
	if err != nil {
		return err
	}
	found := &outdated{Schema: outdatedSchema, Lock: name, Inputs: []outdatedInput{}}
	if found.Inputs, err = p.lookUp(c.Context, locked.Input); err != nil {
		return err
	}
	moved := 0
	for _, input := range found.Inputs {
		if input.Outdated {
			moved++
		}
	}
	found.Outdated = moved > 0
	if err := p.printOutdated(c, found); err != nil || moved == 0 {
		return err
	}
	return &hintError{err: fmt.Errorf("%s is outdated: %d of %d inputs moved", name, moved, len(found.Inputs)),
		hint: "rebuild it with slim build --lock"}
}

func (p *program) printOutdated(c *cli.Context, found *outdated) error {
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, found)
	}
	out := &printer{w: p.stdout}
	for _, input := range found.Inputs {
		if input.Outdated {
			out.line("%s moved from %s to %s", input.Reference, input.Locked, input.Now)
		} else {
			out.line("%s is still %s", input.Reference, input.Locked)
		}
	}
	return out.err
}

// lookUp resolves the input of a lock again: the image, or the base images of a Dockerfile.
func (p *program) lookUp(ctx context.Context, in lock.Input) ([]outdatedInput, error) {
	docker, err := engine.Store(ctx)
	if err != nil && !errors.Is(err, engine.ErrNoDocker) {
		return nil, err
	}
	if docker != nil {
		defer docker.Close()
	}
	list := []outdatedInput{}
	if in.Kind == lock.KindImage {
		now, err := p.openImage(ctx, in.Reference, in.Platform, docker)
		if err != nil {
			return nil, err
		}
		return append(list, outdatedInput{in.Reference, in.Digest, now.Digest.String(), !now.Is(in.Digest)}), nil
	}
	for _, base := range in.Bases {
		if !strings.Contains(path.Base(base.Reference), ":") { // without a tag, the Dockerfile names it by digest
			list = append(list, outdatedInput{Reference: base.Reference, Locked: base.Digest, Now: base.Digest})
			continue
		}
		now, err := p.openImage(ctx, base.Reference, in.Platform, nil) // base images come from registries
		if err != nil {
			return nil, err
		}
		input := outdatedInput{Reference: base.Reference, Locked: base.Digest, Now: now.RepoDigest}
		input.Outdated = input.Now != base.Digest && now.Digest.String() != base.Digest
		list = append(list, input)
	}
	return list, nil
}
