package main

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"mvdan.cc/sh/v3/syntax"
)

func completion(shell string) (string, []*cli.Command) {
	var b bytes.Buffer
	commands := (&program{}).app().Commands
	completions[shell](&b, commands)
	return b.String(), commands
}

// TestCompletions holds that every command and every flag is in the script of each shell.
func TestCompletions(t *testing.T) {
	for shell, spelled := range map[string]func(name string) string{
		"bash": dashed,
		"zsh":  func(name string) string { return "'*" + dashed(name) + "[" },
		"fish": func(name string) string {
			if len(name) == 1 {
				return " -s " + name
			}
			return " -l " + name
		},
	} {
		script, commands := completion(shell)
		for _, command := range commands {
			if !strings.Contains(script, command.Name) {
				t.Errorf("%s: no command %s", shell, command.Name)
			}
			for _, flag := range command.Flags {
				for _, name := range flag.Names() {
					if !strings.Contains(script, spelled(name)) {
						t.Errorf("%s: no flag %s of %s", shell, name, command.Name)
					}
				}
			}
		}
	}
}

// TestCompletionSyntax parses the script of bash; the quotes of the one of zsh are those of bash.
func TestCompletionSyntax(t *testing.T) {
	for shell, variant := range map[string]syntax.LangVariant{"bash": syntax.LangBash, "zsh": syntax.LangZsh} {
		script, _ := completion(shell)
		if _, err := syntax.NewParser(syntax.Variant(variant)).Parse(strings.NewReader(script), shell); err != nil {
			t.Error(err)
		}
	}
}

// TestBashCompletes asks bash itself.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	script, _ := completion("bash")
	for words, want := range map[string]string{
		"slim verif":                   "verify",
		"slim build --keep o":          "observed",
		"slim build --keep = pa":       "package",
		"slim build --keep =":          "observed closure package",
		"slim build app:1 --explain-s": "--explain-size",
		"slim build --tag ":            "",
		"slim scan --vuln-d":           "--vuln-db",
		"slim prune --vuln-d":          "",
	} {
		list := strings.Split(words, " ")
		line := script + "\nCOMP_WORDS=(" + quoted(list) + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _slim; echo \"${COMPREPLY[*]}\""
		out, err := exec.Command(bash, "--norc", "-c", line).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("bash completes %q to %q, %v, want %q", words, got, err, want)
		}
	}
	if _, err := exec.Command(bash, "--norc", "-c", "set -eu\n"+script+"\ncomplete -p slim").Output(); err != nil {
		t.Errorf("bash does not take the script: %v", err)
	}
}

func quoted(words []string) string {
	var list []string
	for _, word := range words {
		list = append(list, single(word))
	}
	return strings.Join(list, " ")
}

// TestManPages holds that every command has a page with all its flags, and that no line is a request by accident.
func TestManPages(t *testing.T) {
	app := (&program{}).app()
	pages := manPages(app)
	if len(pages) != len(app.Commands)+1 {
		t.Errorf("there are %d pages for %d commands", len(pages), len(app.Commands))
	}
	requests := strings.Fields(".TH .SH .SS .TP .PP .B .BR .nf .fi")
	for name, page := range pages {
		for line := range strings.Lines(page) {
			request, _, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !slices.Contains(requests, request) {
				t.Errorf("%s: %q is a request", name, line)
			}
		}
	}
	for _, command := range app.Commands {
		page := pages["slim-"+command.Name+".1"]
		for _, flag := range command.Flags {
			if want := roff(dashed(flag.Names()[0])); !strings.Contains(page, "\n.B "+want) {
				t.Errorf("slim-%s.1 has no %s", command.Name, want)
			}
		}
		for _, heading := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES"} {
			if !strings.Contains(page, "\n.SH "+heading+"\n") {
				t.Errorf("slim-%s.1 has no %s", command.Name, heading)
			}
		}
	}
	if got, want := roff("a-b \\n\n.x\n'y"), "a\\-b \\en\n\\&.x\n\\&'y"; got != want {
		t.Errorf("roff() = %q, want %q", got, want)
	}
}
