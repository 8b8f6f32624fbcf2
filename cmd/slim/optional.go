package main

import (
	"strconv"

	"github.com/urfave/cli/v2"
)

// optional is a flag whose value may be left out: --name, or --name=VALUE.
type optional struct{ *cli.GenericFlag }

// TakesValue is false: the next argument is not the value.
func (optional) TakesValue() bool { return false }

// optionalValue is unset, set without a value, or set to one.
type optionalValue struct {
	set   bool
	value string
}

// IsBoolFlag tells the flag package that the value may be left out.
func (*optionalValue) IsBoolFlag() bool { return true }

// Set takes "true" for a flag without a value, as the flag package gives it.
func (v *optionalValue) Set(value string) error {
	if on, err := strconv.ParseBool(value); err == nil {
		*v = optionalValue{set: on}
	} else {
		*v = optionalValue{set: true, value: value}
	}
	return nil
}

func (v *optionalValue) String() string { return v.value }

// maybe is a flag whose value may be left out.
func maybe(group, name, usage string) cli.Flag {
	return optional{&cli.GenericFlag{Name: name, Usage: usage, Category: group, EnvVars: envVar(name), Value: &optionalValue{}}}
}

// optionalOf is the value of such a flag, byDefault where it was left out, and whether the flag was given.
func optionalOf(c *cli.Context, name, byDefault string) (string, bool) {
	v, ok := c.Generic(name).(*optionalValue)
	if !ok || !v.set {
		return "", false
	}
	if v.value == "" {
		return byDefault, true
	}
	return v.value, true
}
