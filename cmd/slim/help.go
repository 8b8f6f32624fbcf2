package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// appHelp, commandHelp and shortHelp are the help texts. The library's own templates spell a repeatable flag twice.
const (
	appHelp = `{{.Name}} - {{.Usage}}

USAGE:
   {{.UsageText}}

DESCRIPTION:
   {{wrap .Description 3}}
`
	commandHead = `{{.HelpName}} - {{.Usage}}

USAGE:
   {{wrap .UsageText 3}}

DESCRIPTION:
   {{wrap .Description 3}}
`
	commandHelp = commandHead + `{{if gt (len .VisibleFlags) 1}}
FLAGS (before or after the arguments; each also as SLIM_NAME in the environment):{{range .VisibleFlagCategories}}{{if .Name}}
   {{.Name}}:{{range .Flags}}
     {{range $i, $name := .Names}}{{if $i}}, {{end}}{{if eq (len $name) 1}}-{{else}}--{{end}}{{$name}}{{end}}{{"\t"}}{{.GetUsage -}}
{{if .TakesValue}}{{with .GetValue}} (default {{.}}){{end}}{{end}}{{end}}
{{end}}{{end}}{{end}}`
)

// commandGroups are the commands as slim --help groups them.
var commandGroups = []struct {
	title    string
	commands []string
}{
	{"Make an image smaller", []string{"build", "observe", "analyze", "evidence", "agent"}},
	{"See what it holds, and why", []string{"explain", "diff", "inspect", "profile"}},
	{"Find its problems", []string{"scan", "lint", "sbom"}},
	{"Sign, verify, reproduce", []string{"attest", "verify", "check"}},
	{"slim itself", []string{"prune", "completion", "man", "version", "help"}},
}

// firstFlags are those that people use first, of the commands that have many; --help shows them, --help-all all.
var firstFlags = map[string][]string{
	"build":   {"file", "tag", "load", "push", "output", "exec", "run", "probe", "env", "include", "keep", "report", "artifacts"},
	"observe": {"output", "file", "exec", "run", "probe", "env", "mount", "network", "timeout", "compose"},
	"verify":  {"key", "policy", "manifests-only", "rebuild", "from", "format"},
	"analyze": {"file", "exec", "run", "probe", "evidence", "include", "keep", "report"},
}

const helpAllName = "help-all"

// addHelp gives the commands their help texts, and --help-all to those that have many flags.
func (p *program) addHelp(app *cli.App) {
	app.CustomAppHelpTemplate = appHelp + groupedCommands(app)
	for _, command := range app.Commands {
		command.CustomHelpTemplate = commandHelp
		first := firstFlags[command.Name]
		if first == nil {
			continue
		}
		command.CustomHelpTemplate = commandHead + shortFlags(command, first)
		all := &cli.BoolFlag{Name: helpAllName, Usage: "print the help with all flags", Category: groupReport, DisableDefaultText: true}
		command.Flags = append(command.Flags, all)
		action := command.Action
		command.Action = func(c *cli.Context) error {
			if c.Bool(helpAllName) {
				cli.HelpPrinter(c.App.Writer, commandHelp, c.Command)
				return nil
			}
			return action(c)
		}
	}
}

// groupedCommands is the list of the commands, as text of a template.
func groupedCommands(app *cli.App) string {
	var b strings.Builder
	b.WriteString("\nCOMMANDS:\n")
	for i, group := range commandGroups {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "   %s:\n", group.title)
		for _, name := range group.commands {
			if command := app.Command(name); command != nil {
				fmt.Fprintf(&b, "     %-12s%s\n", name, command.Usage)
			}
		}
	}
	return b.String()
}

// shortFlags is the list of the first flags, as text of a template.
func shortFlags(command *cli.Command, first []string) string {
	var b strings.Builder
	b.WriteString("\nFLAGS THAT PEOPLE USE FIRST (before or after the arguments):\n")
	for _, name := range first {
		i := slices.IndexFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == name })
		if i < 0 {
			continue
		}
		var names []string
		for _, name := range command.Flags[i].Names() {
			names = append(names, dashed(name))
		}
		doc := command.Flags[i].(cli.DocGenerationFlag)
		usage := doc.GetUsage()
		if value := doc.GetValue(); doc.TakesValue() && value != "" {
			usage += " (default " + value + ")"
		}
		fmt.Fprintf(&b, "   %-18s%s\n", strings.Join(names, ", "), usage)
	}
	fmt.Fprintf(&b, "\nThere are %d more flags: slim %s --help-all\n", len(command.Flags)-len(first), command.Name)
	return b.String()
}

func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "print the help of slim, or of one command",
		UsageText: "slim help [COMMAND]",
		Description: `Prints what slim --help or slim COMMAND --help prints. Of commands with many flags that has those that people
use first; slim COMMAND --help-all has all.

Examples:
   slim help
   slim help build
   slim build --help-all`,
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
