package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/shell"
	"github.com/slimimage/slim/analyzer/spelling"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/lock"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

// usageError is a command line that slim does not understand. Exit code 2.
type usageError struct {
	message string
	hint    string // the next step, may be empty
}

func (e *usageError) Error() string { return e.message }

// hintError is an error with a next step.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// childError is the exit code of slim's own second process, which has printed its own error.
type childError struct{ code int }

func (e *childError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// errExportedAnyway is the error of a build that --keep-going exported although its run or check failed; the summary says why.
var errExportedAnyway = errors.New("exported because of --keep-going, although it failed its check")

// usagef is a usage error with a hint.
func usagef(hint, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: hint}
}

// infof prints one line on stderr, unless slim is to be quiet.
func (p *program) infof(format string, args ...any) {
	if !p.quiet {
		p.alertf(format, args...)
	}
}

// alertf prints one line on stderr, always. Whatever the arguments hold, it stays one line and nothing in it is obeyed.
func (p *program) alertf(format string, args ...any) {
	line := "slim: " + printable.Text(fmt.Sprintf(format, args...))
	if show := p.show.Load(); show == nil || !show.do(func(v view) { v.note(line) }) {
		fmt.Fprintln(p.stderr, line)
	}
}

// printError prints an error: one line, the differences of a failed check, and a line with the next step.
func (p *program) printError(err error) {
	var child *childError
	if err == nil || errors.As(err, &child) {
		return
	}
	if errors.Is(err, context.Canceled) && p.batch {
		p.alertf("cancelled")
		return
	}
	if errors.Is(err, context.Canceled) {
		p.alertf("cancelled, nothing was written")
		return
	}
	p.alertf("%s", printable.Lines(err.Error()))
	var check *builder.CheckError
	if errors.As(err, &check) {
		p.alert(report.Differences(check.Result.Verdict))
	}
	var changed *builder.UpdateError
	if errors.As(err, &changed) {
		p.alert(report.Differences(changed.Verdict))
	}
	if hint := hintFor(err); hint != "" {
		p.alertf("hint: %s", hint)
	}
	if page := pageOf(err); page != "" {
		p.alertf("more: %s", page)
	}
}

// hintFor is the next step after an error, "" where there is none to name.
func hintFor(err error) string {
	var (
		usage    *usageError
		hinted   *hintError
		slimmed  *builder.SlimmedError
		observed *builder.ObservationError
		checked  *builder.CheckError
		strict   *builder.StrictError
		unlinked *builder.UnconnectedError
		locked   *lock.Error
		batch    *batchError
		next     interface{ Hint() string }
	)
	switch {
	case errors.As(err, &batch):
		return batch.hint()
	case errors.As(err, &locked):
		return locked.Hint
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &slimmed):
		return "slim its base image instead, or pass --force"
	case errors.As(err, &observed):
		return "see its output above; provide what it needs (--run, --network default, --timeout), or pass --keep-going"
	case errors.As(err, &unlinked):
		return "the RUN steps had no network, because this engine has none of its own for them; " +
			"--build-network host gives them that of this machine"
	case errors.As(err, &checked):
		return checkHint(checked)
	case errors.As(err, &strict):
		return "without --strict the image is built anyway, and the report lists what it needs"
	case errors.Is(err, layers.ErrNoName):
		return "give it one: docker tag ID NAME:TAG"
	case errors.As(err, &next):
		return next.Hint()
	}
	return ""
}

// checkHint names the paths to include where the check knows them.
func checkHint(err *builder.CheckError) string {
	var flags []string
	for _, missing := range err.Result.Verdict.Missing {
		if len(flags) == 3 {
			flags = append(flags, "...")
			break
		}
		flags = append(flags, "--include "+shell.Quote(missing.Path.String()))
	}
	if len(flags) == 0 {
		return "keep more with --keep package, or exercise more with --exec, --run or --probe; --keep-going exports it anyway"
	}
	return "pass " + strings.Join(flags, " ")
}

// onUsageError turns an error of the flag package into a usageError that suggests the nearest flag.
func onUsageError(c *cli.Context, err error, _ bool) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usagef(helpHint(c), "%s", plainFlagError(err))
	}
	name, hint := strings.TrimLeft(name, "-"), helpHint(c)
	if c.Command != nil && firstFlags[c.Command.Name] != nil {
		hint = fmt.Sprintf("`slim %s --%s` lists its flags", c.Command.Name, helpAllName)
	}
	var names []string
	for _, flag := range c.Command.Flags {
		names = append(names, flag.Names()...)
	}
	if near := spelling.Closest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %s? %s", dashed(near), hint)
	}
	return usagef(hint, "unknown flag %s", dashed(name))
}

var badValue = regexp.MustCompile(`^(invalid value|invalid boolean value) ("(?:[^"\\]|\\.)*") for (?:flag )?-(\S+): .*$`)

// plainFlagError rewords the flag package's messages: "flag needs an argument: -tag", `invalid value "x" for flag -n: parse error`.
func plainFlagError(err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return "flag " + dashed(strings.TrimLeft(name, "-")) + " needs a value"
	}
	if m := badValue.FindStringSubmatch(text); m != nil {
		return m[1] + " " + m[2] + " for " + dashed(m[3])
	}
	return text
}

func helpHint(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == "" || c.Command.Name == c.App.Name {
		return "`slim --help` lists the commands"
	}
	return fmt.Sprintf("`slim %s --help` lists its flags", c.Command.Name)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
