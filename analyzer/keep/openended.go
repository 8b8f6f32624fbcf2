package keep

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

// openEnded keeps, where the job is whatever the user brings, the packages that the author asked for with all that they depend on, and
// the programs that people take for granted in a shell. Of such a job no run shows all that it needs.
func (w *worklist) openEnded() {
	if !w.hasOpenEndedJob() {
		return
	}
	var names []string
	for _, pkg := range w.db.Packages() {
		if pkg.Asked {
			names = append(names, pkg.Name)
		}
	}
	for _, pkg := range w.db.Closure(names...) {
		if !w.db.Base(pkg.Name) {
			w.keepWhole(pkg, analyzer.RuleOpenEnded, true)
		}
	}
	for _, name := range rules.Utilities() {
		w.keepProgram(name, analyzer.RuleOpenEnded, "")
	}
}

// hasOpenEndedJob says whether the entrypoint, or a program that ran, is of a kind whose job the user brings, or a script of the
// application that starts whatever its arguments say.
func (w *worklist) hasOpenEndedJob() bool {
	for _, argv := range w.commands() {
		if _, idle := rules.ReadsInput(argv); idle {
			return true
		}
		if kind, ok := rules.KindOf(argv[0]); ok && !kind.Input {
			return true
		}
		if w.command() && w.dispatches(argv) {
			return true
		}
	}
	for _, process := range w.seen.Processes {
		if kind, ok := rules.KindOf(string(process.Exe)); ok && !kind.Input {
			return true
		}
	}
	return false
}

// commands lists the command lines that the image and the runs start, as they are and without wrappers such as tini.
func (w *worklist) commands() [][]string {
	lines := [][]string{w.req.Process.Argv}
	for _, run := range w.seen.Runs {
		lines = append(lines, run.Argv)
	}
	var commands [][]string
	for _, argv := range lines {
		for len(argv) > 0 {
			commands = append(commands, argv)
			inner := shell.Unwrap(argv)
			if len(inner) >= len(argv) {
				break
			}
			argv = inner
		}
	}
	return commands
}

// command says whether every run ended by itself: the image is a command and no server.
func (w *worklist) command() bool {
	return len(w.seen.Runs) > 0 && !slices.ContainsFunc(w.seen.Runs, func(run analyzer.Run) bool { return run.Kind != analyzer.KindCommand })
}

var (
	// argumentCase is a shell script's choice by its first argument (POSIX.1-2017, XCU 2.9.4.3), and argumentCommand one that runs its
	// arguments as a command.
	argumentCase    = regexp.MustCompile(`(?m)\bcase\s+"?\$(\{?1\b|\{?@|\*)`)
	argumentCommand = regexp.MustCompile(`(?m)(^|[;&|]|\bexec|\beval|\bdo|\bthen)\s*"?\$(\{?[@*1]|\{1)`)
	// computedCommand is a call that starts a program whose name is not written there, in Python, Perl, Ruby, Tcl, PHP, JavaScript and Lua.
	computedCommand = regexp.MustCompile(`(?m)(subprocess\.(?:run|call|check_call|check_output|Popen)|os\.(?:exec[lv]p?e?|spawn[lv]p?e?|system|popen)|` +
		`\(system\*?|child_process\.\w+|\b(?:execFile|spawn|spawnSync|execSync)|IO\.popen|Open3\.\w+|proc_open|shell_exec|passthru|(?:^|[^.\w])(?:system|exec))` +
		`\s*\(?\s*\[?\s*([@$*]\w|\w+(?:\[|\.|-|\s*[,)+])|f["'])`)
)

// maxDispatcher bounds the script that is read for its choices, in bytes.
const maxDispatcher = 256 << 10

// startsPackaged says whether a shell script names a program that does not belong to the base system. A script that chooses among programs
// of the base system alone says itself all that it needs.
func (w *worklist) startsPackaged(src []byte, name string) bool {
	script, err := shell.Commands(src, name, w.env)
	if err != nil || len(w.db.Packages()) == 0 {
		return true
	}
	return slices.ContainsFunc(script.Commands, func(command string) bool {
		full, ok := w.program(command)
		if !ok {
			return false
		}
		res, ok := w.im.resolve(strings.TrimPrefix(orRoot(w.req.Process.Dir), "/"), full)
		if !ok {
			return false
		}
		pkg, owned := w.db.Owner(res.Path)
		return owned && !w.db.Base(pkg.Name)
	})
}

// dispatches says whether a command line starts a script of the application that chooses by its arguments what to start.
func (w *worklist) dispatches(argv []string) bool {
	for _, word := range argv {
		full, ok := w.program(word)
		if !ok {
			continue
		}
		res, ok := w.im.resolve(strings.TrimPrefix(orRoot(w.req.Process.Dir), "/"), full)
		if !ok {
			continue
		}
		if _, owned := w.db.Owner(res.Path); owned {
			continue
		}
		src, err := w.im.read(res.Path, maxDispatcher)
		if err != nil || elf.IsELF(src) {
			continue
		}
		interp, arg, script := elf.Shebang(src)
		if script && shellInterpreter(interp, arg) {
			return argumentCommand.Match(src) || argumentCase.Match(src) && w.startsPackaged(src, res.Path)
		}
		if script || sourceExtensions.MatchString(path.Base(res.Path)) {
			return computedCommand.Match(src)
		}
	}
	return false
}
