package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// buildOptions gives the options of the command's flags their values. What a command lacks stays zero. The input and the engine are
// opened later, so that a wrong command line costs nothing.
func (p *program) buildOptions(c *cli.Context) (opt builder.Options, err error) {
	for _, option := range builder.Table() {
		if !slices.Contains(option.Commands, c.Command.Name) {
			continue
		}
		values, err := p.values(c, option)
		if err != nil {
			return opt, err
		}
		if err := option.Apply(&opt, values); err != nil {
			return opt, wrongValue(c, option, err)
		}
	}
	if opt.Dockerfile != nil {
		opt.Dockerfile.Context = c.Args().First()
	}
	opt.Observe.ProbeArgv = p.rest
	if err := p.useStdout(c, &opt.Export); err != nil {
		return opt, err
	}
	if opt.Epoch, err = sourceDateEpoch(); err != nil {
		return opt, err
	}
	return opt, lockOptions(c, &opt)
}

// values are those of an option's flag, as Option.Apply takes them: none when the flag is not given and has no default.
func (p *program) values(c *cli.Context, option builder.Option) ([]string, error) {
	var values []string
	switch {
	case option.Bare != "":
		if value, ok := optionalOf(c, option.Name, option.Bare); ok {
			return []string{value}, nil
		}
	case option.Kind == builder.Switch:
		if c.Bool(option.Name) {
			return []string{"true"}, nil
		}
	case option.Repeatable():
		values = slices.Clone(c.StringSlice(option.Name))
	case c.String(option.Name) != "":
		values = []string{c.String(option.Name)}
	}
	if option.Kind == builder.Pairs {
		return pairs(values), nil
	}
	if !option.NamesFiles() {
		return values, nil
	}
	for i, name := range values {
		var data []byte
		var err error
		if option.Kind == builder.File {
			data, err = p.readBounded(name, maxUserFile)
		} else {
			data, err = p.readEvidence(name)
		}
		if err != nil {
			return nil, err
		}
		values[i] = string(data)
	}
	return values, nil
}

// pairs reads KEY=VALUE. As in buildx and docker run, KEY alone takes its value from the environment; it is left out where that has none.
func pairs(specs []string) []string {
	var found []string
	for _, spec := range specs {
		if spec == "" || strings.Contains(spec, "=") {
			found = append(found, spec)
		} else if value, ok := os.LookupEnv(spec); ok {
			found = append(found, spec+"="+value)
		}
	}
	return found
}

// wrongValue is the error of a flag's value. A document that slim did not write is a failure; every other wrong value is a wrong command
// line.
func wrongValue(c *cli.Context, option builder.Option, err error) error {
	var wrong *builder.OptionError
	if errors.As(err, &wrong) {
		err = wrong.Err
	}
	name, hint := "--"+option.Name, option.Example
	if len(option.Allowed) > 0 {
		hint = name + " is one of " + strings.Join(option.Allowed, ", ")
	}
	switch option.Kind {
	case builder.Documents:
		return &hintError{err: fmt.Errorf("%s %s: %w", name, strings.Join(c.StringSlice(option.Name), " "), err), hint: hint}
	case builder.File:
		name += " " + c.String(option.Name)
	}
	return usagef(hint, "%s: %v", name, err)
}

// evidence reads files of evidence that are arguments.
func (p *program) evidence(names []string) ([]*analyzer.Evidence, error) {
	var all []*analyzer.Evidence
	for _, name := range names {
		data, err := p.readEvidence(name)
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

// sourceDateEpoch reads SOURCE_DATE_EPOCH, nil when it is not set.
func sourceDateEpoch() (*int64, error) {
	epoch, err := builder.ParseEpoch(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return nil, usagef("", "%v", err)
	}
	return epoch, nil
}
