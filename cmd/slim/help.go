package main

import "github.com/urfave/cli/v2"

// appHelp and commandHelp are the help texts. The library's own templates spell a repeatable flag twice.
const (
	appHelp = `{{.Name}} - {{.Usage}}

USAGE:
   {{.UsageText}}

DESCRIPTION:
   {{wrap .Description 3}}

COMMANDS:{{range .VisibleCommands}}
   {{.Name}}{{"\t"}}{{.Usage}}{{end}}
`
	commandHelp = `{{.HelpName}} - {{.Usage}}

USAGE:
   {{wrap .UsageText 3}}

DESCRIPTION:
   {{wrap .Description 3}}
{{if gt (len .VisibleFlags) 1}}
FLAGS (before or after the arguments; each also as SLIM_NAME in the environment):{{range .VisibleFlagCategories}}{{if .Name}}
   {{.Name}}:{{range .Flags}}
     {{range $i, $name := .Names}}{{if $i}}, {{end}}{{if eq (len $name) 1}}-{{else}}--{{end}}{{$name}}{{end}}{{"\t"}}{{.GetUsage -}}
{{if .TakesValue}}{{with .GetValue}} (default {{.}}){{end}}{{end}}{{end}}
{{end}}{{end}}{{end}}`
)

func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "print the help of slim, or of one command",
		UsageText: "slim help [COMMAND]",
		Description: `Prints what slim --help or slim COMMAND --help prints.

Examples:
   slim help
   slim help build
   slim build --help`,
		Action: p.help,
	}
}

// help is the command.
func (p *program) help(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowAppHelp(c)
	}
	args, err := p.arguments(c, "COMMAND")
	if err != nil {
		return err
	}
	if c.App.Command(args[0]) == nil {
		return unknownCommand(c, args[0])
	}
	return cli.ShowCommandHelp(c, args[0])
}
