package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// permute puts the flags of a command line before its other arguments, wherever they stood: urfave/cli stops looking for
// flags at the first argument that is none (its issue 1177). args begin with the program's name. The first argument that is
// no flag is the command; what follows the first "--" is returned apart, unless nothing but flags came before it.
func permute(args []string, commands []*cli.Command) (ordered, rest []string) {
	if len(args) < 2 {
		return args, nil
	}
	at := slices.IndexFunc(args[1:], func(arg string) bool { return !isFlag(arg) }) + 1
	if at == 0 {
		return args, nil
	}
	var flags, others []string
	valued := valuedFlags(commands, args[at])
	todo := args[at+1:]
	for len(todo) > 0 {
		arg := todo[0]
		todo = todo[1:]
		switch {
		case arg == "--":
			rest, todo = todo, nil
		case arg == "--help" || arg == "-h" || arg == "--"+helpAllName: // the library takes an argument beside it for a command to help with
			return append(slices.Clone(args[:at+1]), arg), nil
		case !isFlag(arg):
			others = append(others, arg)
		default:
			flags = append(flags, arg)
			if !valued[strings.TrimLeft(arg, "-")] {
				break
			}
			if len(todo) == 0 { // the value is missing: nothing may follow that could be taken for it
				return append(slices.Clone(args[:at+1]), flags...), nil
			}
			flags, todo = append(flags, todo[0]), todo[1:]
		}
	}
	if len(others) == 0 {
		others, rest = rest, nil
	}
	ordered = append(slices.Clone(args[:at+1]), flags...)
	return append(append(ordered, "--"), others...), rest
}

// isFlag says whether an argument is a flag; "-" is standard input.
func isFlag(arg string) bool { return strings.HasPrefix(arg, "-") && arg != "-" && arg != "--" }

// valuedFlags are the names of a command's flags that take a value from the next argument.
func valuedFlags(commands []*cli.Command, name string) map[string]bool {
	valued := map[string]bool{}
	for _, command := range commands {
		if !command.HasName(name) {
			continue
		}
		for _, flag := range command.Flags {
			if doc, ok := flag.(cli.DocGenerationFlag); ok && doc.TakesValue() {
				for _, name := range flag.Names() {
					valued[name] = true
				}
			}
		}
	}
	return valued
}
