package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// Groups of flags in the help, besides those of the table of options.
const (
	groupInput    = builder.GroupInput
	groupObserve  = builder.GroupObserve
	groupAnalysis = builder.GroupAnalysis
	groupOutput   = builder.GroupOutput
	groupBuildKit = builder.GroupBuildKit
	groupReport   = "Report"
	groupScan     = "Vulnerabilities"
)

// text is a flag with one value.
func text(group, name, usage string, aliases ...string) *cli.StringFlag {
	return &cli.StringFlag{Name: name, Aliases: aliases, Usage: usage, Category: group, EnvVars: envVar(name)}
}

// texts is a flag that may be repeated.
func texts(group, name, usage string, aliases ...string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Aliases: aliases, Usage: usage, Category: group, EnvVars: envVar(name)}
}

// toggle is a flag without a value.
func toggle(group, name, usage string, aliases ...string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, Category: group, EnvVars: envVar(name), DisableDefaultText: true}
}

// withDefault gives a flag its default.
func withDefault(flag *cli.StringFlag, value string) *cli.StringFlag {
	flag.Value = value
	return flag
}

// envVar names the environment variable of a flag: --build-arg is SLIM_BUILD_ARG.
func envVar(name string) []string {
	return []string{builder.EnvVar(name)}
}

// optionFlags are the flags that a command has of the table of options, in the order of the table.
func optionFlags(command string) []cli.Flag {
	var flags []cli.Flag
	for _, o := range builder.Table() {
		if slices.Contains(o.Commands, command) {
			usage := o.UsageFor(command)
			if command == "verify" {
				usage = "with --rebuild: " + usage
			}
			flags = append(flags, optionFlag(o, usage))
		}
	}
	return flags
}

// optionFlag is the flag of one option.
func optionFlag(o builder.Option, usage string) cli.Flag {
	var aliases []string
	if o.Short != "" {
		aliases = []string{o.Short}
	}
	switch {
	case o.Bare != "":
		return maybe(o.Group, o.Name, usage)
	case o.Kind == builder.Switch:
		return toggle(o.Group, o.Name, usage, aliases...)
	case o.Repeatable():
		return texts(o.Group, o.Name, usage, aliases...)
	}
	return withDefault(text(o.Group, o.Name, usage, aliases...), o.Default)
}

// signFlags have build sign what it pushes.
func signFlags() []cli.Flag {
	return []cli.Flag{
		text(groupOutput, "sign", "sign the pushed image and its attestations with the private key in FILE (see slim attest)"),
		attestFormatFlag(),
	}
}

// scanFlags ask build for known vulnerabilities.
func scanFlags() []cli.Flag {
	return []cli.Flag{
		text(groupScan, "vuln-db", "compare both images with the OSV records in DIR"),
		text(groupScan, "config", "YAML FILE with accepted risks (default .slim.yaml, if it exists)"),
		text(groupScan, "fail-on", "fail the build on an open finding of this LEVEL or worse: critical, high, medium, low or any"),
	}
}

// engineFlags say where BuildKit is.
func engineFlags() []cli.Flag {
	return []cli.Flag{
		withDefault(text(groupBuildKit, "engine", "where BuildKit runs: ENGINE auto, embedded, docker, or the address of a buildkitd"), "auto"),
		text(groupBuildKit, "tls", "DIR with ca.pem, cert.pem and key.pem for a tcp:// engine"),
		progressFlag(),
		quietFlag(),
	}
}

func progressFlag() cli.Flag {
	flag := withDefault(text(groupReport, "progress", "progress display: MODE auto, plain, tty, quiet or rawjson"), "auto")
	flag.EnvVars = append(flag.EnvVars, "BUILDKIT_PROGRESS")
	return flag
}

func quietFlag() cli.Flag {
	return toggle(groupReport, "quiet", "print nothing but the result and errors", "q")
}

func explainSizeFlag() cli.Flag {
	return toggle(groupReport, "explain-size", "print the bytes by reason, package and layer, and those that the runs opened")
}

func formatFlag() cli.Flag {
	return withDefault(text(groupReport, "format", "FORMAT of the result on stdout: text or json"), "text")
}

func reportFlag() cli.Flag {
	return text(groupReport, "report", "write the JSON report to FILE (slim explain reads it)")
}

// flags joins groups of flags.
func flags(groups ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}
