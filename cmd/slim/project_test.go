package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// TestOptionsAreFlags checks that the table of options names commands that exist, and that each flag has its own environment variable.
func TestOptionsAreFlags(t *testing.T) {
	app := (&program{}).app()
	for _, option := range builder.Table() {
		for _, name := range option.Commands {
			command := app.Command(name)
			if command == nil {
				t.Errorf("option %s: there is no slim %s", option.Name, name)
				continue
			}
			found := 0
			for _, flag := range command.Flags {
				if flag.Names()[0] == option.Name {
					found++
				}
			}
			if found != 1 {
				t.Errorf("slim %s has %d flags --%s, want one", name, found, option.Name)
			}
		}
	}
	for _, command := range app.Commands {
		seen := map[string]bool{}
		for _, flag := range command.Flags {
			env := strings.Join(flag.(cli.DocGenerationFlag).GetEnvVars(), " ")
			if env == "" && flag.Names()[0] != "help" && flag.Names()[0] != helpAllName || env != "" && seen[env] {
				t.Errorf("slim %s --%s: environment variable %q is missing or used twice", command.Name, flag.Names()[0], env)
			}
			seen[env] = true
		}
	}
}
