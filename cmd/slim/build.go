package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/sign"
	"github.com/slimimage/slim/cmd/slim/report"
)

func (p *program) buildCommand() *cli.Command {
	return &cli.Command{
		Name:      "build",
		Usage:     "build a slim image",
		UsageText: "slim build [flags] IMAGE [-- PROBE-COMMAND...]\nslim build [flags] -f DOCKERFILE CONTEXT\nslim build --all FILE [flags]",
		Description: `Runs and exercises IMAGE, packs the files that the application needs, and runs the same probes against the
result. The result gets its name only if it answers like the original. IMAGE is a reference (in Docker, podman or a
registry), containers-storage:NAME (in podman), docker-archive:FILE, oci:DIR[:REF], oci-archive:FILE, or - for an archive on
standard input. Without --load, --push and --output it is loaded into Docker or, where there is no Docker or the image is
podman's, into podman; with neither it is written to NAME.slim.oci.tar.

Examples:
   slim build nginx:1.27
   slim build registry.example.com/app:2 --exec 'app --self-test' --tag registry.example.com/app:2-slim --push
   slim build -f Dockerfile . --output type=oci,dest=app.tar`,
		Flags: flags(optionFlags("build"), signFlags(), scanFlags(), lockFlags(), allFlags(), engineFlags(),
			[]cli.Flag{explainSizeFlag(), formatFlag(), reportFlag()}, summaryFlags()),
		Action: p.build,
	}
}

// build is the command: it reads the flags, opens the engine and the input, builds, and delivers the result.
func (p *program) build(c *cli.Context) error {
	if p.job != nil {
		return p.job(c)
	}
	if c.String("all") != "" {
		return p.buildAll(c)
	}
	if c.Bool("resume") {
		return usagef("slim build --all FILE --resume", "--resume needs --all")
	}
	opt, then, err := p.readBuild(c)
	if err != nil {
		return err
	}
	show, err := p.startProgress(c)
	if err != nil {
		return err
	}
	defer show.close()
	work, err := p.open(c, &opt)
	if err != nil {
		return err
	}
	defer work.close()
	if err := work.place(c, &opt); err != nil {
		return err
	}
	opt.Status, opt.Step = show.status(), show.step
	result, err := builder.Build(c.Context, opt)
	show.close()
	if err != nil {
		return p.fail(c, result, err, then)
	}
	return p.finish(c, opt, result, then)
}

// delivery is what happens to a result besides its export.
type delivery struct {
	signer  *sign.Options
	summary *jobSummary
}

// readBuild reads the command line of build, and of each image of build --all.
func (p *program) readBuild(c *cli.Context) (opt builder.Options, then delivery, err error) {
	if opt, err = p.prepare(c); err != nil {
		return opt, then, err
	}
	if opt.Scan, err = p.scanOptions(c); err != nil {
		return opt, then, err
	}
	if err = checkUpdate(opt); err != nil {
		return opt, then, err
	}
	if then.signer, err = p.buildSigner(c); err != nil {
		return opt, then, err
	}
	then.summary, err = p.openSummary(c)
	return opt, then, err
}

// prepare reads the command line of build, observe and analyze.
func (p *program) prepare(c *cli.Context) (opt builder.Options, err error) {
	p.quiet = c.Bool("quiet")
	name := "IMAGE"
	if c.String("file") != "" {
		name = "CONTEXT"
	}
	if _, err := p.arguments(c, name); err != nil {
		return opt, err
	}
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return opt, err
	}
	if err := onePlatform(c.Command.Name, c.String("platform")); err != nil {
		return opt, err
	}
	if err := p.projectFile(c); err != nil {
		return opt, err
	}
	return p.buildOptions(c)
}

// fail writes the report and the job summary of a build that failed, as far as they are known, and returns its error.
func (p *program) fail(c *cli.Context, result *builder.Result, err error, then delivery) error {
	known := reportOf(result, err)
	return errors.Join(err, p.writeReport(c, known), then.summary.write(known, err))
}

// finish delivers a result and writes the job summary.
func (p *program) finish(c *cli.Context, opt builder.Options, result *builder.Result, then delivery) error {
	return errors.Join(p.deliver(c, opt, result, then.signer), then.summary.write(result, nil))
}

// deliver writes the files of a result, prints its summary, signs it, and prints where it is.
func (p *program) deliver(c *cli.Context, opt builder.Options, result *builder.Result, signer *sign.Options) error {
	if err := p.writeReport(c, result); err != nil {
		return err
	}
	if dir := c.String("artifacts"); dir != "" {
		files, err := builder.Artifacts(result, "")
		if err == nil {
			err = admission(files, result, signer)
		}
		if err != nil {
			return err
		}
		if err := errors.Join(addPage(files, result), writeFiles(dir, files, true)); err != nil {
			return fmt.Errorf("--artifacts: %w", err)
		}
	}
	if err := p.saveLock(c, result); err != nil {
		return err
	}
	p.info(report.Summary(result))
	if c.Bool("explain-size") {
		p.alert(report.SizeTable(result.Sizes))
	}
	places := p.places(opt, result)
	if err := p.signResult(c, result, signer); err != nil {
		return err
	}
	if err := p.printResult(c, result, places); err != nil {
		return err
	}
	if report.Failed(result) {
		if result.Verdict != nil {
			p.alert(report.Differences(result.Verdict))
		}
		return errExportedAnyway
	}
	return nil
}

// places prints on stderr where the image is, and returns its names and files for stdout.
func (p *program) places(opt builder.Options, result *builder.Result) []string {
	var list []string
	if opt.Export.Load || opt.Export.Push {
		list = append(list, result.Names...)
	}
	for _, name := range list {
		switch {
		case opt.Export.Load && opt.Export.Push:
			p.infof("loaded into %s and pushed: %s", opt.Export.Store(), name)
		case opt.Export.Push:
			p.infof("pushed %s", name)
		default:
			p.infof("loaded into %s: %s", opt.Export.Store(), name)
		}
	}
	for _, out := range opt.Export.Outputs {
		switch {
		case out.Dest == "-":
			p.infof("written to standard output (%s)", out.Type)
		case out.Dest != "":
			p.infof("written to %s (%s)", out.Dest, out.Type)
			list = append(list, out.Dest)
		case out.Attrs["name"] != "":
			p.infof("exported %s", out.Attrs["name"])
			list = append(list, out.Attrs["name"])
		}
	}
	return list
}

// reportOf is the result to report after a failure. A failed check has a more complete one than the build returns.
func reportOf(result *builder.Result, err error) *builder.Result {
	var check *builder.CheckError
	if errors.As(err, &check) {
		return check.Result
	}
	var strict *builder.StrictError
	if errors.As(err, &strict) {
		return strict.Result
	}
	if result != nil && result.Plan == nil {
		return nil
	}
	return result
}

// writeReport writes the file of --report.
func (p *program) writeReport(c *cli.Context, result *builder.Result) error {
	name := c.String("report")
	if name == "" || result == nil {
		return nil
	}
	if name == "-" {
		return usagef("pass --format json for a report on stdout", "--report needs a file")
	}
	if err := p.writeFile(name, func(w io.Writer) error { return jsonout.Write(w, result) }); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}
