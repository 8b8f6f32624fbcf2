package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/sign"
	"github.com/slimimage/slim/cmd/slim/report"
)

func (p *program) buildCommand() *cli.Command {
	return &cli.Command{
		Name:      "build",
		Usage:     "make a slim image",
		UsageText: "slim build [flags] IMAGE [-- PROBE-COMMAND...]\nslim build [flags] -f DOCKERFILE CONTEXT\nslim build --all FILE [flags]",
		Description: `Runs IMAGE and drives it, keeps what the application needs, packs that, and runs the same probes against the
result. Only when it answers like the original does the result get its name. IMAGE is a reference (in Docker or a registry),
docker-archive:FILE, oci:DIR[:REF], oci-archive:FILE, or - for an archive on standard input. Without --load, --push and
--output it is loaded into Docker, or written to NAME.slim.oci.tar where there is no Docker.

Examples:
   slim build nginx:1.27
   slim build registry.example.com/app:2 --exec 'app --self-test' --tag registry.example.com/app:2-slim --push
   slim build -f Dockerfile . --output type=oci,dest=app.tar`,
		Flags: flags(optionFlags("build"), signFlags(), scanFlags(), lockFlags(), allFlags(), engineFlags(),
			[]cli.Flag{explainSizeFlag(), formatFlag(), reportFlag()}, summaryFlags()),
		Action: p.build,
	}
}

// build is the command: the flags, the engine and the input, the work, the result.
func (p *program) build(c *cli.Context) error {
	if p.job != nil {
		return p.job(c)
	}
	if c.String("all") != "" {
		return p.buildAll(c)
	}
	if c.Bool("resume") {
		return usagef("slim build --all FILE --resume", "--resume is of --all")
	}
	opt, ends, err := p.readBuild(c)
	if err != nil {
		return err
	}
	work, err := p.open(c, &opt)
	if err != nil {
		return err
	}
	defer work.close()
	if err := work.place(c, &opt); err != nil {
		return err
	}
	show, err := p.startProgress(c)
	if err != nil {
		return err
	}
	opt.Status, opt.Step = show.status(), show.step
	result, err := builder.Build(c.Context, opt)
	show.close()
	if err != nil {
		return p.undone(c, result, err, ends)
	}
	return p.finish(c, opt, result, ends)
}

// endings is what is done with a result besides its export.
type endings struct {
	signer  *sign.Options
	summary *jobSummary
}

// readBuild reads the command line of build, and of each image of build --all.
func (p *program) readBuild(c *cli.Context) (opt builder.Options, ends endings, err error) {
	if opt, err = p.prepare(c); err != nil {
		return opt, ends, err
	}
	if opt.Scan, err = p.scanOptions(c); err != nil {
		return opt, ends, err
	}
	if ends.signer, err = p.buildSigner(c); err != nil {
		return opt, ends, err
	}
	ends.summary, err = p.openSummary(c)
	return opt, ends, err
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

// undone is the error of a build that failed, after what is known of it is written where the command line asks for it.
func (p *program) undone(c *cli.Context, result *builder.Result, err error, ends endings) error {
	known := reportOf(result, err)
	return errors.Join(err, p.writeReport(c, known), ends.summary.write(known, err))
}

// finish tells what was made, also in the job summary.
func (p *program) finish(c *cli.Context, opt builder.Options, result *builder.Result, ends endings) error {
	return errors.Join(p.deliver(c, opt, result, ends.signer), ends.summary.write(result, nil))
}

// deliver writes the files of a result, signs it and says where it is.
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
		return errKeptGoing
	}
	return nil
}

// places says on stderr where the image is, and returns its names and files for stdout.
func (p *program) places(opt builder.Options, result *builder.Result) []string {
	var list []string
	if opt.Export.Load || opt.Export.Push {
		list = append(list, result.Names...)
	}
	for _, name := range list {
		switch {
		case opt.Export.Load && opt.Export.Push:
			p.infof("loaded into Docker and pushed: %s", name)
		case opt.Export.Push:
			p.infof("pushed %s", name)
		default:
			p.infof("loaded into Docker: %s", name)
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

// reportOf is what is known after a failure: the result of a failed check says most.
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
	if err := p.writeFile(name, func(w io.Writer) error { return writeJSON(w, result) }); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}
