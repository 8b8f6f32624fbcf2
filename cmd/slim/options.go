package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/probe"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/builder"
)

// buildOptions reads every flag that build, observe and analyze share; a command that lacks a flag leaves its zero value.
// The input and the engine are opened later, so that a wrong command line costs nothing.
func (p *program) buildOptions(c *cli.Context) (opt builder.Options, err error) {
	opt = builder.Options{Platform: c.String("platform"), Force: c.Bool("force"), KeepGoing: c.Bool("keep-going"), Strict: c.Bool("strict"),
		Materials: c.String("artifacts") != "", ResourceLabels: c.Bool("resource-labels")}
	if opt.Dockerfile, err = dockerfileOptions(c); err != nil {
		return opt, err
	}
	if opt.Observe, err = p.observeOptions(c); err != nil {
		return opt, err
	}
	if opt.Analyze, err = analyzeOptions(c); err != nil {
		return opt, err
	}
	if opt.Evidence, err = p.evidence(c.StringSlice("evidence")); err != nil {
		return opt, err
	}
	if opt.Export, err = p.exportOptions(c); err != nil {
		return opt, err
	}
	if opt.CacheFrom, err = builder.ParseCacheFrom(registryCache(c.StringSlice("cache-from"))); err != nil {
		return opt, usagef("example: --cache-from type=registry,ref=REF", "--cache-from: %v", err)
	}
	if opt.CacheTo, err = builder.ParseCacheTo(registryCache(c.StringSlice("cache-to"))); err != nil {
		return opt, usagef("example: --cache-to type=local,dest=DIR", "--cache-to: %v", err)
	}
	if opt.Epoch, err = sourceDateEpoch(os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		return opt, err
	}
	return opt, lockOptions(c, &opt)
}

// registryCache spells out a bare reference, as buildx does.
func registryCache(specs []string) []string {
	full := make([]string, len(specs))
	for i, spec := range specs {
		if full[i] = spec; !strings.Contains(spec, "=") {
			full[i] = "type=registry,ref=" + spec
		}
	}
	return full
}

// dockerfileOptions is nil unless --file asks for a Dockerfile.
func dockerfileOptions(c *cli.Context) (*builder.Dockerfile, error) {
	if c.String("file") == "" {
		for _, name := range []string{"target", "build-arg", "secret", "build-context"} {
			if c.IsSet(name) {
				return nil, usagef("slim build -f Dockerfile CONTEXT", "--%s needs a Dockerfile: pass --file", name)
			}
		}
		return nil, nil
	}
	if c.String("file") == "-" {
		return nil, usagef("write it to a file and pass that", "a Dockerfile is not read from standard input")
	}
	df := &builder.Dockerfile{Context: c.Args().First(), File: c.String("file"), Target: c.String("target"), Secrets: c.StringSlice("secret"),
		BuildArgs: map[string]string{}, BuildContexts: map[string]string{}}
	for _, arg := range c.StringSlice("build-arg") {
		if name, value, ok := assignment(arg); ok {
			df.BuildArgs[name] = value
		}
	}
	for _, spec := range c.StringSlice("build-context") {
		name, value, ok := strings.Cut(spec, "=")
		if !ok || name == "" || value == "" {
			return nil, usagef("example: --build-context assets=./assets", "--build-context %q is not NAME=VALUE", spec)
		}
		df.BuildContexts[name] = value
	}
	return df, nil
}

// assignment reads KEY=VALUE. As buildx and docker run have it, KEY alone is taken from the environment; it is not ok where that has none.
func assignment(spec string) (name, value string, ok bool) {
	if name, value, ok = strings.Cut(spec, "="); !ok {
		value, ok = os.LookupEnv(name)
	}
	return name, value, ok
}

func (p *program) observeOptions(c *cli.Context) (opt builder.ObserveOptions, err error) {
	opt = builder.ObserveOptions{Runs: c.StringSlice("run"), Execs: c.StringSlice("exec"), ProbeRef: c.String("probe-image"),
		ProbeArgv: p.rest, Network: c.String("network")}
	for _, entry := range c.StringSlice("env") {
		name, value, ok := assignment(entry)
		if name == "" {
			return opt, usagef("example: --env POSTGRES_PASSWORD=secret", "--env %q is not KEY=VALUE", entry)
		}
		if ok {
			opt.Env = append(opt.Env, name+"="+value)
		}
	}
	if err := oneOf("network", opt.Network, "", "none", "default", "host"); err != nil {
		return opt, err
	}
	if opt.Timeout, err = seconds(c.String("timeout")); err != nil {
		return opt, err
	}
	if name := c.String("probe"); name != "" {
		data, err := p.readFile(name)
		if err != nil {
			return opt, err
		}
		if opt.Steps, err = probe.ParseSteps(data); err != nil {
			return opt, &usageError{message: fmt.Sprintf("--probe %s: %v", name, err), hint: "docs/reference.md shows the form of a probe file"}
		}
	}
	return opt, nil
}

func analyzeOptions(c *cli.Context) (analyzer.Options, error) {
	opt := analyzer.Options{Keep: analyzer.Keep(c.String("keep")), Include: c.StringSlice("include"), Exclude: c.StringSlice("exclude"),
		IncludeExe: c.StringSlice("include-exe"), IncludePackage: c.StringSlice("include-package"), IncludeShell: c.Bool("include-shell"),
		User: c.String("user"), DisableRules: c.StringSlice("disable-rule")}
	for _, name := range opt.DisableRules {
		if !slices.Contains(rules.Names(), name) {
			return opt, usagef("the rules are "+strings.Join(rules.Names(), ", "), "--disable-rule %s: there is no such rule", name)
		}
	}
	if err := checkUser(opt.User); err != nil {
		return opt, err
	}
	return opt, oneOf("keep", string(opt.Keep), "", string(analyzer.KeepObserved), string(analyzer.KeepClosure), string(analyzer.KeepPackage))
}

// checkUser takes "", "root", UID and UID:GID.
func checkUser(user string) error {
	if err := builder.CheckUser(user); err != nil {
		return usagef("examples: --user 65532, --user 65532:65532, --user root", "--user %v", err)
	}
	return nil
}

// evidence reads the files of --evidence.
func (p *program) evidence(names []string) ([]*analyzer.Evidence, error) {
	var all []*analyzer.Evidence
	for _, name := range names {
		data, err := p.readFile(name)
		if err != nil {
			return nil, err
		}
		one, err := analyzer.ReadEvidence(bytes.NewReader(data))
		if err != nil {
			return nil, &hintError{err: fmt.Errorf("%s: %w", name, err), hint: "make it with `slim observe IMAGE -o FILE`"}
		}
		all = append(all, one)
	}
	return all, nil
}

// seconds reads a time as whole seconds: "90", "90s", "5m".
func seconds(value string) (int, error) {
	n, err := builder.ParseSeconds(value)
	if err != nil {
		return 0, usagef("examples: --timeout 90, --timeout 5m", "--timeout %v", err)
	}
	return n, nil
}

// sourceDateEpoch reads SOURCE_DATE_EPOCH (reproducible-builds.org): seconds since 1970, or unset.
func sourceDateEpoch(value string) (*int64, error) {
	if value == "" {
		return nil, nil
	}
	epoch, err := strconv.ParseInt(value, 10, 64)
	if err != nil || epoch < 0 {
		return nil, usagef("it is a number of seconds since 1970", "SOURCE_DATE_EPOCH=%q", value)
	}
	return &epoch, nil
}
