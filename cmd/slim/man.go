package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) manCommand() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "write the manual pages to a directory",
		UsageText: "slim man DIR",
		Description: `Writes slim.1 and a page for each command, slim-COMMAND.1, to DIR. The packages of slim install them.

Examples:
   slim man /usr/local/share/man/man1
   slim man . && man ./slim-build.1
   slim man man1 && gzip -9n man1/slim*.1`,
		Action: func(c *cli.Context) error {
			args, err := p.arguments(c, "DIR")
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for name, page := range manPages(c.App) {
				file := filepath.Join(args[0], name)
				err := p.writeFile(file, func(w io.Writer) error {
					_, err := io.WriteString(w, page)
					return err
				})
				if err == nil {
					err = os.Chmod(file, 0o644) // for every user
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// manPages are the manual pages by file name, from the same commands and flags as the help and docs/reference.md.
func manPages(app *cli.App) map[string]string {
	pages := map[string]string{}
	var list, also []string
	for _, command := range app.Commands {
		list = append(list, fmt.Sprintf(".TP\n.B slim-%s(1)\n%s\n", roff(command.Name), roff(command.Usage)))
		pages["slim-"+command.Name+".1"] = manPage("slim-"+command.Name, command.Usage, command.UsageText, command.Description) +
			manFlags(command) + manExamples(command.Description) + ".SH SEE ALSO\n.BR slim (1)\n"
		also = append(also, "slim-"+command.Name+" (1)")
	}
	pages["slim.1"] = manPage("slim", app.Usage, app.UsageText, app.Description) + ".SH COMMANDS\n" + strings.Join(list, "") +
		manExamples(app.Description) + ".SH SEE ALSO\n.BR " + strings.Join(also, ",\n.BR ") + "\n"
	return pages
}

// manPage is the head of a page and its description, which in the help ends where the examples begin.
func manPage(name, usage, synopsis, description string) string {
	text, _, _ := strings.Cut(description, "Examples:\n")
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"slim %s\" \"slim\"\n", strings.ToUpper(name), roff(ownVersion()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(usage))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.nf\n%s\n.fi\n.SH DESCRIPTION\n", roff(synopsis))
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		fmt.Fprintf(&b, "%s\n.PP\n", roff(paragraph))
	}
	return b.String()
}

// manFlags are the flags of a command under the headings of the help.
func manFlags(command *cli.Command) string {
	groups, byGroup := []string{}, map[string]string{}
	for _, flag := range command.Flags {
		doc := flag.(cli.DocGenerationFlag)
		group := "General"
		if in, ok := flag.(cli.CategorizableFlag); ok && in.GetCategory() != "" {
			group = in.GetCategory()
		}
		if byGroup[group] == "" {
			groups = append(groups, group)
		}
		var names []string
		for _, name := range flag.Names() {
			names = append(names, roff(dashed(name)))
		}
		usage := doc.GetUsage()
		if doc.TakesValue() && doc.GetValue() != "" {
			usage += " (default " + doc.GetValue() + ")"
		}
		byGroup[group] += fmt.Sprintf(".TP\n.B %s\n%s\n", strings.Join(names, ", "), roff(usage))
	}
	if len(groups) == 0 {
		return ""
	}
	text := ".SH OPTIONS\nThey may stand before or after the arguments; each is also taken from the environment as SLIM_NAME.\n"
	for _, group := range groups {
		text += ".SS " + roff(group) + "\n" + byGroup[group]
	}
	return text
}

func manExamples(description string) string {
	_, examples, ok := strings.Cut(description, "Examples:\n")
	if !ok {
		return ""
	}
	examples, rest, _ := strings.Cut(examples, "\n\n")
	text := ".SH EXAMPLES\n.nf\n" + roff(strings.ReplaceAll("\n"+examples, "\n   ", "\n")[1:]) + "\n.fi\n"
	if codes, ok := strings.CutPrefix(strings.TrimSpace(rest), "Exit codes: "); ok {
		text += ".SH EXIT STATUS\n" + roff(codes) + "\n"
	}
	return text
}

// roff escapes a text: backslashes, minus signs, which roff makes hyphens, and lines that begin like a request (groff(7)).
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
