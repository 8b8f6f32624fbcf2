package main

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// TestSettingsAreFlags holds that a project's file, build arguments and the command line have one set of names, and the same kinds of values.
func TestSettingsAreFlags(t *testing.T) {
	kinds := map[string]string{}
	for _, flag := range (&program{}).buildCommand().Flags {
		switch flag := flag.(type) {
		case *cli.StringSliceFlag:
			kinds[flag.Name] = "list"
		case *cli.BoolFlag:
			kinds[flag.Name] = "switch"
		case *cli.StringFlag:
			kinds[flag.Name] = "text"
		}
		if env := flag.(cli.DocGenerationFlag).GetEnvVars(); len(env) == 0 {
			t.Errorf("flag %s has no environment variable", flag.Names()[0])
		}
	}
	for _, setting := range builder.Settings() {
		want := "text"
		if setting.List {
			want = "list"
		} else if setting.Switch {
			want = "switch"
		}
		if kinds[setting.Name] != want {
			t.Errorf("setting %s is a %s, the flag of that name a %q", setting.Name, want, kinds[setting.Name])
		}
		if envVar(setting.Name)[0] != setting.BuildArg() {
			t.Errorf("setting %s: build argument %s, environment variable %s", setting.Name, setting.BuildArg(), envVar(setting.Name)[0])
		}
	}
}
