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
		Usage:     "say whether an image has to be built again: its base has moved, or newer packages close findings",
		UsageText: "slim check [flags] [LOCK | IMAGE | SBOM]",
		Description: `Looks at what slim made, without running anything: a lock (slim build --lock; default slim.lock), the image, or its bill of
materials in CycloneDX. Says whether the base (of a Dockerfile, one of its base images) has moved since; with --vuln-db, which open findings
a newer package of the distribution closes and which need another decision; and which accepted risks of .slim.yaml have expired.
The exit code is 0 if there is nothing to do, 4 if a rebuild is advised, 5 if only a decision is due.

--outdated only looks up the base of a lock, and exits with 1 if it has moved. The files of a build context are not compared; slim build
--locked does that.

Examples:
   slim check --vuln-db osv --within 14 --sarif drift.sarif
   slim check registry.example.com/app:2-slim --vuln-db osv --since scan.json --format json
   slim check --outdated deploy/slim.lock`,
		Flags: []cli.Flag{
			toggle(groupInput, "outdated", "only look up what the input of a lock is now"),
			text(groupInput, "platform", "OS/ARCH of the image to take, where it has several"),
			text(groupInput, "vuln-db", "DIR with the records of OSV, as slim scan takes it"),
			text(groupInput, "since", "REPORT of an earlier slim scan --format json (scan.json): findings that it does not have are new"),
			text(groupInput, "config", "YAML FILE with accepted risks (default .slim.yaml, if it is there)"),
			withDefault(text(groupInput, "within", "an accepted risk that ends within so many DAYS is due"), "0"),
			formatFlag(),
			text(groupReport, "sarif", "write what is to be done to FILE as SARIF"),
			text(groupReport, "summary", "append a summary in Markdown to FILE, such as $GITHUB_STEP_SUMMARY"),
			quietFlag(),
		},
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
	p.quiet = c.Bool("quiet")
	name := lock.Name
	if c.Args().Present() {
		args, err := p.arguments(c, "LOCK or IMAGE")
		if err != nil {
			return err
		}
		name = args[0]
	}
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return err
	}
	if !c.Bool("outdated") {
		return p.drift(c, name)
	}
	for _, flag := range []string{"vuln-db", "since", "sarif", "summary"} {
		if c.String(flag) != "" {
			return usagef("slim check without --outdated looks up the base, too", "--outdated and --%s exclude each other", flag)
		}
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
