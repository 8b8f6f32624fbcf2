package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/shell"
	"github.com/slimimage/slim/analyzer/spelling"
)

// run carries out one command line; args begin with the program's name.
func (p *program) run(ctx context.Context, args []string) error {
	app := p.app()
	args, p.rest = permute(args, app.Commands)
	return app.RunContext(ctx, args)
}

// app is the command line. The library's own endings are switched off: it would exit inside itself, print help on stdout
// after a mistake, and split the values of repeated flags at commas.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:      "slim",
		Usage:     "make container images smaller, and check that they still work",
		UsageText: "slim COMMAND [flags] [arguments]",
		Description: `slim runs an image inside BuildKit, keeps what its application needs, and checks that the result answers like
the original before anything is tagged or pushed.

Examples:
   slim build nginx:1.27
   slim build registry.example.com/app:2 --tag registry.example.com/app:2-slim --push
   slim explain report.json /usr/bin/perl

Exit codes: 0 done, 1 failure, 2 wrong usage, 3 the image did not run or its check failed,
4 and 5 what slim check advises, 130 cancelled.`,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		HideVersion:               true,
		HideHelpCommand:           true, // the library's takes mistakes in its own way
		DisableSliceFlagSeparator: true,
		OnUsageError:              onUsageError,
		ExitErrHandler:            func(*cli.Context, error) {},
		Flags:                     []cli.Flag{cli.HelpFlag, &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}},
		Action:                    p.noCommand,
		Commands: []*cli.Command{
			p.buildCommand(), p.observeCommand(), p.analyzeCommand(), p.explainCommand(),
			p.inspectCommand(), p.scanCommand(), p.lintCommand(), p.diffCommand(), p.profileCommand(), p.sbomCommand(),
			p.evidenceCommand(), p.agentCommand(), p.checkCommand(), p.attestCommand(), p.verifyCommand(), p.pruneCommand(),
			p.completionCommand(), p.manCommand(), p.versionCommand(),
			p.helpCommand(),
		},
	}
	for _, command := range app.Commands {
		command.OnUsageError = onUsageError
		command.HideHelpCommand = true // else an image named "help" is a command
	}
	p.addHelp(app)
	return app
}

// noCommand is what happens when no command has the name given.
func (p *program) noCommand(c *cli.Context) error {
	if c.Bool("version") {
		return p.version(c)
	}
	if !c.Args().Present() {
		return cli.ShowAppHelp(c)
	}
	return unknownCommand(c, c.Args().First())
}

// unknownCommand names the command that was probably meant.
func unknownCommand(c *cli.Context, name string) error {
	var names []string
	for _, command := range c.App.Commands {
		names = append(names, command.Names()...)
	}
	hint := "`slim --help` lists the commands"
	if near := spelling.Closest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean `slim %s`? %s", near, hint)
	} else if strings.ContainsAny(name, "/:.") {
		hint = fmt.Sprintf("to slim an image: `slim build %s`", shell.Quote(name))
	}
	return usagef(hint, "unknown command %q", name)
}

// arguments checks that a command got one argument for each of names, e.g. "IMAGE".
func (p *program) arguments(c *cli.Context, names ...string) ([]string, error) {
	got := c.Args().Slice()
	if len(got) < len(names) {
		return nil, usagef(helpHint(c), "%s is missing", names[len(got)])
	}
	if len(got) > len(names) {
		return nil, usagef(fmt.Sprintf("usage: %s", firstLine(c.Command.UsageText)), "unexpected argument %q", got[len(names)])
	}
	if len(p.rest) > 0 && c.String("probe-image") == "" {
		return nil, usagef("the words after -- are the command of --probe-image", "unexpected argument %q after --", p.rest[0])
	}
	return got, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
