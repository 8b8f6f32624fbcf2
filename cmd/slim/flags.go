package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// Categories of flags, as the help groups them.
const (
	groupInput    = "Input"
	groupObserve  = "Observation"
	groupAnalysis = "Analysis"
	groupOutput   = "Output"
	groupBuildKit = "BuildKit"
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
	return []string{"SLIM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
}

// inputFlags say what to open.
func inputFlags() []cli.Flag {
	return []cli.Flag{
		text(groupInput, "platform", "OS/ARCH of the image to take, where it has several; build takes several by commas, and makes an index"),
		text(groupInput, "file", "build this DOCKERFILE first; the argument is then its context", "f"),
		text(groupInput, "target", "STAGE of the Dockerfile"),
		texts(groupInput, "build-arg", "KEY=VALUE for the Dockerfile, or KEY from the environment (repeatable)"),
		texts(groupInput, "secret", "secret for the Dockerfile, id=ID[,src=FILE|,env=NAME] (repeatable)"),
		texts(groupInput, "build-context", "NAME=DIR or NAME=docker-image://REF for the Dockerfile (repeatable)"),
		toggle(groupInput, "force", "take an image that slim made, too"),
	}
}

// observeFlags say how the image is run and driven.
func observeFlags() []cli.Flag {
	return []cli.Flag{
		texts(groupObserve, "run", "one more run, with these ARGS instead of CMD (repeatable)"),
		texts(groupObserve, "env", "KEY=VALUE for the environment of the runs, or KEY from this one; the image keeps its own (repeatable)", "e"),
		texts(groupObserve, "exec", "run CMD in the running container (repeatable)"),
		text(groupObserve, "probe", "YAML FILE of requests to make"),
		text(groupObserve, "probe-image", "IMAGE with a test suite to run beside the application; its command may follow after --"),
		withDefault(text(groupObserve, "network", "network of the run, MODE none, default or host"), "none"),
		withDefault(text(groupObserve, "timeout", "TIME for one run: seconds, or 90s, 5m"), "120s"),
		toggle(groupObserve, "keep-going", "go on although a run or the check failed (the exit code stays 3)"),
	}
}

// analyzeFlags say what is kept.
func analyzeFlags() []cli.Flag {
	return []cli.Flag{
		texts(groupAnalysis, "evidence", "use this evidence FILE instead of running the image (repeatable, united)"),
		withDefault(text(groupAnalysis, "keep", "LEVEL observed, closure or package"), "closure"),
		texts(groupAnalysis, "include", "keep paths that match GLOB, and what they need (repeatable)"),
		texts(groupAnalysis, "exclude", "never keep paths that match GLOB (repeatable)"),
		texts(groupAnalysis, "include-exe", "keep a PROGRAM, by name or path, and what it needs (repeatable)"),
		texts(groupAnalysis, "include-package", "keep a whole PACKAGE (repeatable)"),
		toggle(groupAnalysis, "include-shell", "keep a shell and the usual small programs"),
		texts(groupAnalysis, "disable-rule", "switch the rule NAME off, that keeps or drops (repeatable; slim explain names the rule of a path)"),
		text(groupAnalysis, "user", "USER the slim image runs as: root, UID or UID:GID"),
	}
}

// exportFlags say where the result goes.
func exportFlags() []cli.Flag {
	return []cli.Flag{
		texts(groupOutput, "tag", "NAME of the slim image (repeatable; default NAME.slim:TAG)", "t"),
		toggle(groupOutput, "load", "load it into the Docker engine"),
		toggle(groupOutput, "push", "push it to its registry"),
		texts(groupOutput, "output", "write it to type=oci|docker|tar|local|image,dest=PATH (repeatable; dest=- is stdout)", "o"),
		text(groupOutput, "artifacts", "write report.html, evidence, plan, verdict, and the files that confine the image where it runs, into DIR"),
		toggle(groupOutput, "no-attest", "attach no attestations (bills of materials, provenance, trace, test result)"),
		text(groupOutput, "sign", "sign what is pushed, and its attestations, with the private key in FILE (see slim attest)"),
		attestFormatFlag(),
		toggle(groupOutput, "resource-labels", "say in labels what memory and storage it needs, as measured (another run may round to another digest)"),
		toggle(groupOutput, "strict", "make no image that does not run under its own profile"),
		text(groupOutput, "compression", "KIND of the layers: gzip, zstd or uncompressed"),
	}
}

// scanFlags ask for known vulnerabilities.
func scanFlags() []cli.Flag {
	return []cli.Flag{
		text(groupScan, "vuln-db", "compare both images with the records of OSV in DIR"),
		text(groupScan, "config", "YAML FILE with accepted risks (default .slim.yaml, if it is there)"),
		text(groupScan, "fail-on", "make no image with an open finding of this LEVEL or worse: critical, high, medium, low or any"),
	}
}

// engineFlags say where BuildKit is.
func engineFlags() []cli.Flag {
	return []cli.Flag{
		withDefault(text(groupBuildKit, "engine", "ENGINE auto, embedded, docker, or a buildkitd's address"), "auto"),
		text(groupBuildKit, "tls", "DIR with ca.pem, cert.pem and key.pem for a tcp:// engine"),
		progressFlag(),
		quietFlag(),
	}
}

// cacheFlags say where BuildKit's cache is kept besides its own state.
func cacheFlags() []cli.Flag {
	return []cli.Flag{
		texts(groupBuildKit, "cache-from", "import cache, as buildx spells it: type=registry,ref=REF (repeatable)"),
		texts(groupBuildKit, "cache-to", "export cache, as buildx spells it: type=local,dest=DIR (repeatable)"),
	}
}

func progressFlag() cli.Flag {
	flag := withDefault(text(groupReport, "progress", "MODE auto, plain, tty, quiet or rawjson"), "auto")
	flag.EnvVars = append(flag.EnvVars, "BUILDKIT_PROGRESS")
	return flag
}

func quietFlag() cli.Flag {
	return toggle(groupReport, "quiet", "print nothing but the result and errors", "q")
}

func explainSizeFlag() cli.Flag {
	return toggle(groupReport, "explain-size", "print bytes by reason, package and layer, against what the run itself opened")
}

func formatFlag() cli.Flag {
	return withDefault(text(groupReport, "format", "FORMAT of the result on stdout: text or json"), "text")
}

func reportFlag() cli.Flag {
	return text(groupReport, "report", "write the JSON report to FILE (for slim explain)")
}

// flags joins groups of flags.
func flags(groups ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}
