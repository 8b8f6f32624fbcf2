package keep

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

// scriptState is which files run, as far as it decides whether what they call is kept.
type scriptState struct {
	mayRun   map[string]bool // what they call is kept
	sourced  map[string]bool // a shell reads them although no first line says so
	executed map[string]bool // by the observed run
	// interprets has the interpreters of the application's own scripts
	interprets map[string]bool
}

func newScriptState() scriptState {
	return scriptState{mayRun: map[string]bool{}, sourced: map[string]bool{}, executed: map[string]bool{}, interprets: map[string]bool{}}
}

// script keeps the interpreter of a script and, where the script may run, what it calls.
func (w *worklist) script(name string, head []byte) {
	interp, arg, ok := elf.Shebang(head)
	if !ok {
		return
	}
	if !w.scripts.mayRun[name] && !w.scripts.executed[name] && w.req.Options.Keep != analyzer.KeepObserved {
		// A script that merely lies in a kept package may still be called by name; its interpreter is dragged in only when it is
		// the application's own or was run.
		return
	}
	from := "/" + name
	if program := strings.TrimPrefix(path.Clean("/"+interp), "/"); w.keep(program, analyzer.RuleInterpreterOf, from) {
		w.runs(program)
		w.interpretsOwn(name, program)
	}
	if program := shebangProgram(arg); program != "" && w.keepProgram(program, analyzer.RuleInterpreterOf, from) {
		if full, ok := w.program(program); ok {
			w.interpretsOwn(name, full)
		}
	}
	switch {
	case w.req.Options.Keep == analyzer.KeepObserved:
	case shellInterpreter(interp, arg):
		w.parseScript(name)
	case !readsLanguage(interp + " " + arg):
		w.scriptWords(name)
	}
}

// interpretsOwn notes the interpreter of a script of the application: the script may load any module of its standard library.
func (w *worklist) interpretsOwn(script, program string) {
	if _, owned := w.db.Owner(script); owned {
		return
	}
	res, ok := w.im.resolve(".", program)
	if !ok || w.scripts.interprets[res.Path] {
		return
	}
	w.scripts.interprets[res.Path] = true
	if w.kept[res.Path] != nil {
		w.applyFamilies(res.Path)
	}
}

// readsLanguage says whether the first line of a script names an interpreter whose language slim reads.
func readsLanguage(line string) bool {
	return slices.ContainsFunc(rules.Runtimes(), func(r rules.Runtime) bool { return r.Shebang != "" && strings.Contains(line, r.Shebang) })
}

// runs notes that a program may run: where it is a script, what it calls is kept too.
func (w *worklist) runs(program string) {
	res, ok := w.im.resolve(".", program)
	if !ok || w.scripts.mayRun[res.Path] || w.excluded(res.Path) {
		return
	}
	w.scripts.mayRun[res.Path] = true
	w.queue = append(w.queue, res.Path)
}

func shellInterpreter(interp, arg string) bool {
	base := path.Base(interp)
	if base == "env" {
		base = path.Base(shebangProgram(arg))
	}
	// busybox is "busybox sh"; s6's with-contenv runs a shell.
	return shell.Reads(base) || slices.Contains([]string{"busybox", "with-contenv"}, base)
}

// parseScript keeps the commands, the scripts and the files that a shell script names.
func (w *worklist) parseScript(name string) {
	src, err := w.im.read(name, shell.MaxSize)
	if err != nil {
		return
	}
	w.scriptText(src, name)
}

// commandLine is a script given as an argument of a shell.
func (w *worklist) commandLine(line, rule string) { w.scriptText([]byte(line), rule) }

func (w *worklist) scriptText(src []byte, name string) {
	script, err := shell.Commands(src, name, w.env)
	if err != nil {
		w.warn(fmt.Sprintf("%s: not understood as a shell script: %v", name, err))
		return
	}
	from := "/" + name
	for _, command := range script.Commands {
		w.keepProgram(command, analyzer.RuleCalledBy, from)
	}
	for _, sourced := range script.Sourced {
		target := sourced
		if !strings.HasPrefix(sourced, "/") {
			target = path.Join(path.Dir(name), sourced)
		}
		if res, ok := w.im.resolve(".", target); ok && w.im.nodes[res.Path].regular() {
			known := w.scripts.sourced[res.Path]
			w.scripts.sourced[res.Path] = true
			w.keep(strings.TrimPrefix(target, "/"), analyzer.RuleSourcedBy, from)
			if !known {
				w.parseScript(res.Path)
			}
		}
	}
	for _, named := range script.Paths {
		w.named(named, from)
	}
	for _, prefix := range script.Prefixes {
		w.named(prefix, from)
	}
}

// named keeps a path that a script or configuration names: a file, or a small directory.
func (w *worklist) named(name, from string) {
	res, ok := w.im.resolve(".", name)
	if !ok || res.Path == "." || rules.Sandbox(res.Path) {
		return
	}
	w.keep(strings.TrimPrefix(path.Clean(name), "/"), analyzer.RuleNamedBy, from)
}

// program finds a program by name in PATH, or by path.
func (w *worklist) program(name string) (string, bool) {
	if strings.Contains(name, "/") {
		res, ok := w.im.resolve(strings.TrimPrefix(orRoot(w.req.Process.Dir), "/"), name)
		if ok && !w.im.isDir(res.Path) {
			return name, true
		}
		return "", false
	}
	for _, dir := range strings.Split(w.env["PATH"], ":") {
		full := path.Join(dir, name)
		res, ok := w.im.resolve(".", full)
		if ok && w.im.nodes[res.Path].regular() && w.im.nodes[res.Path].mode.Perm()&0o111 != 0 {
			return full, true
		}
	}
	return "", false
}

func orRoot(dir string) string {
	if dir == "" || dir == "/" {
		return "."
	}
	return dir
}

// keepProgram keeps a program named like a command.
func (w *worklist) keepProgram(name string, rule analyzer.Rule, from string) bool {
	full, ok := w.program(name)
	if !ok {
		return false
	}
	if !strings.HasPrefix(full, "/") {
		full = path.Join(orRoot(w.req.Process.Dir), full)
	}
	full = strings.TrimPrefix(full, "/")
	w.runs(full)
	return w.keep(full, rule, from)
}
