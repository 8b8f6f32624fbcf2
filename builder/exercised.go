package builder

import (
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

// exercised returns an *ExerciseError if no run did anything but start a shell or an interpreter that read an empty standard input: such
// runs do not show what the image is for. A user who says more (commands, probes, packages to keep) knows.
func (b *build) exercised(seen *observation) error {
	o, a := &b.opt.Observe, &b.opt.Analyze
	told := len(o.Execs)+len(o.Steps)+len(b.opt.Evidence)+len(a.Include)+len(a.IncludeExe)+len(a.IncludePackage) > 0
	if b.foreign || b.opt.KeepGoing || b.opt.Locked != nil || o.ProbeRef != "" || a.IncludeShell || told {
		return nil
	}
	var idle *ExerciseError
	for i := range seen.evidence.Runs {
		if idle = idleRun(&seen.evidence.Runs[i], seen.evidence.Processes); idle == nil {
			return nil
		}
	}
	if idle == nil {
		return nil
	}
	return idle
}

// idleRun says what a run started that reads its standard input, directly, through a wrapper such as tini, or as the last that a script
// of the image executed; nil if the run did more.
func idleRun(run *analyzer.Run, processes []analyzer.Process) *ExerciseError {
	if run.Kind != analyzer.KindCommand || len(run.Listen) > 0 {
		return nil
	}
	for argv := run.Argv; len(argv) > 0; {
		if kind, ok := rules.ReadsInput(argv); ok {
			return &ExerciseError{Kind: kind, Command: strings.Join(argv, " ")}
		}
		inner := shell.Unwrap(argv)
		if len(inner) >= len(argv) {
			break
		}
		argv = inner
	}
	for i := range run.Argv {
		rest := run.Argv[i:]
		ran := slices.ContainsFunc(processes, func(p analyzer.Process) bool { return i > 0 && slices.Equal(p.Argv, rest) })
		if kind, ok := rules.ReadsInput(rest); ok && ran {
			return &ExerciseError{Kind: kind, Command: strings.Join(rest, " ")}
		}
	}
	return nil
}
