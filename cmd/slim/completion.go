package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// completions write the completion script of each shell.
var completions = map[string]func(io.Writer, []*cli.Command){"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		UsageText: "slim completion bash|zsh|fish",
		Description: `Prints a script that completes slim's commands and flags. The packages of slim install it.

Examples:
   slim completion bash > ~/.local/share/bash-completion/completions/slim
   slim completion zsh > "${fpath[1]}/_slim"
   slim completion fish > ~/.config/fish/completions/slim.fish`,
		Action: func(c *cli.Context) error {
			args, err := p.arguments(c, "SHELL")
			if err != nil {
				return err
			}
			write := completions[args[0]]
			if write == nil {
				return usagef("usage: "+c.Command.UsageText, "there is no completion for %q", args[0])
			}
			write(p.stdout, c.App.Commands)
			return nil
		},
	}
}

// completedFlag is a flag as completions need it.
type completedFlag struct {
	names  []string // with dashes, the long one first
	usage  string
	valued bool
	values []string // the allowed ones, if only those are
}

// completedFlags are the flags of a command.
func completedFlags(command *cli.Command) (list []completedFlag) {
	allowed := map[string][]string{}
	for _, o := range builder.Table() {
		if o.Kind == builder.Text {
			allowed[o.Name] = o.Allowed
		}
	}
	for _, flag := range command.Flags {
		doc, ok := flag.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		f := completedFlag{usage: doc.GetUsage(), valued: doc.TakesValue(), values: allowed[flag.Names()[0]]}
		for _, name := range flag.Names() {
			f.names = append(f.names, dashed(name))
		}
		list = append(list, f)
	}
	return list
}

// bashCompletion uses the words that bash splits at "=", too (COMP_WORDBREAKS). An empty answer is the names of files (-o default).
func bashCompletion(w io.Writer, commands []*cli.Command) {
	var names []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	fmt.Fprintf(w, `# bash completion for slim, made by "slim completion bash"
_slim() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i
  if [[ $cur == '=' ]]; then
    cur=
  elif [[ $prev == '=' ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} != -* ]]; then command=${COMP_WORDS[i]}; break; fi
  done
  COMPREPLY=()
  case $command in
    '') COMPREPLY=($(compgen -W '%s --help --version' -- "$cur")) ;;
`, strings.Join(names, " "))
	for _, command := range commands {
		bashCommand(w, command)
	}
	fmt.Fprint(w, "  esac\n}\ncomplete -o default -F _slim slim\n")
}

func bashCommand(w io.Writer, command *cli.Command) {
	all, valued := []string{"--help"}, []string{}
	fmt.Fprintf(w, "    %s)\n      case $prev in\n", command.Name)
	for _, f := range completedFlags(command) {
		all = append(all, f.names...)
		switch {
		case len(f.values) > 0:
			fmt.Fprintf(w, "        %s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", strings.Join(f.names, "|"),
				strings.Join(f.values, " "))
		case f.valued:
			valued = append(valued, f.names...)
		}
	}
	if len(valued) > 0 {
		fmt.Fprintf(w, "        %s) return ;;\n", strings.Join(valued, "|"))
	}
	fmt.Fprintf(w, "      esac\n      [[ $cur != -* ]] || COMPREPLY=($(compgen -W '%s' -- \"$cur\")) ;;\n", strings.Join(all, " "))
}

// single quotes a text for zsh and bash.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// zshCompletion describes the flags for _arguments (zshcompsys(1)); in its descriptions brackets are escaped.
func zshCompletion(w io.Writer, commands []*cli.Command) {
	fmt.Fprint(w, "#compdef slim\n# zsh completion for slim, made by \"slim completion zsh\"\n_slim() {\n  local -a commands\n  commands=(\n")
	for _, command := range commands {
		fmt.Fprintf(w, "    %s\n", single(command.Name+":"+command.Usage))
	}
	fmt.Fprint(w, "  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"+
		"  shift words\n  (( CURRENT-- ))\n  case $words[1] in\n")
	brackets := strings.NewReplacer("[", `\[`, "]", `\]`)
	for _, command := range commands {
		fmt.Fprintf(w, "    %s)\n      _arguments", command.Name)
		for _, f := range completedFlags(command) {
			value := ""
			if f.valued {
				value = ":value:_files"
			}
			if len(f.values) > 0 {
				value = ":value:(" + strings.Join(f.values, " ") + ")"
			}
			for _, name := range f.names {
				fmt.Fprintf(w, " \\\n        %s", single("*"+name+"["+brackets.Replace(f.usage)+"]"+value))
			}
		}
		fmt.Fprint(w, " \\\n        '*:argument:_files' ;;\n")
	}
	fmt.Fprint(w, "  esac\n}\nif [ \"$funcstack[1]\" = _slim ]; then _slim \"$@\"; else compdef _slim slim; fi\n")
}

// fishCompletion is one "complete" a flag (fish's documentation, "complete"). Backslashes and quotes are escaped in its single quotes.
func fishCompletion(w io.Writer, commands []*cli.Command) {
	quote := func(text string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
	}
	fmt.Fprint(w, "# fish completion for slim, made by \"slim completion fish\"\n")
	for _, command := range commands {
		fmt.Fprintf(w, "complete -c slim -n __fish_use_subcommand -f -a %s -d %s\n", command.Name, quote(command.Usage))
	}
	for _, command := range commands {
		for _, f := range completedFlags(command) {
			fmt.Fprintf(w, "complete -c slim -n '__fish_seen_subcommand_from %s'", command.Name)
			for _, name := range f.names {
				if long, ok := strings.CutPrefix(name, "--"); ok {
					fmt.Fprintf(w, " -l %s", long)
				} else {
					fmt.Fprintf(w, " -s %s", strings.TrimPrefix(name, "-"))
				}
			}
			if len(f.values) > 0 {
				fmt.Fprintf(w, " -x -a %s", quote(strings.Join(f.values, " ")))
			} else if f.valued {
				fmt.Fprint(w, " -r")
			}
			fmt.Fprintf(w, " -d %s\n", quote(f.usage))
		}
	}
}
