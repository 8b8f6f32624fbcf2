package keep

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

var (
	// scriptWord is a word of a script in whatever language, with the slashes and dots of a path.
	scriptWord = regexp.MustCompile(`[A-Za-z0-9_./+@%:,-]+`)
	// commandStart is what a command may stand behind in a script: the start of the line, an operator or an assignment. Of a recipe of make
	// the prefixes @, - and + are no part of the command (make(1); POSIX.1-2017, XCU make).
	commandStart = regexp.MustCompile(`(?:^|[;|&({]|[:?+]?=|\$\(|\$\(shell|\bexec|\bsystem|\bspawn)[\s"'@+-]*$`)
	// comment is a line that says nothing to an interpreter, but its first line.
	comment = regexp.MustCompile(`^\s*(#|//|--\s|;)`)
)

// shebangProgram is the program that the argument of a script's interpreter names: "env -S execlineb -P", "with-contenv bash",
// "busybox sh" (env(1), -S). It is "" where there is none.
func shebangProgram(arg string) string {
	for _, word := range strings.Fields(arg) {
		word = strings.TrimPrefix(word, "-S")
		if word != "" && !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
			return word
		}
	}
	return ""
}

// scriptWords keeps what a script names whose language slim does not read: as commands, the programs whose names stand where a command may
// stand, and anywhere those of the application and of packages that were asked for; files by absolute path.
func (w *worklist) scriptWords(name string) {
	src, err := w.im.read(name, shell.MaxSize)
	if err != nil || strings.IndexByte(string(src), 0) >= 0 {
		return
	}
	done := map[string]bool{}
	for line := range strings.Lines(string(src)) {
		if comment.MatchString(line) {
			continue
		}
		for _, at := range scriptWord.FindAllStringIndex(line, maxNamed) {
			word, command := line[at[0]:at[1]], commandStart.MatchString(line[:at[0]])
			if done[word] && !command || len(done) > 10*maxNamed {
				continue
			}
			done[word] = true
			w.scriptWord(strings.TrimLeft(word, "@-+"), name, command)
		}
	}
}

// scriptWord keeps what one word of a script names; command is set where a command may stand.
func (w *worklist) scriptWord(word, script string, command bool) {
	from := "/" + script
	if strings.HasPrefix(word, "/") {
		res, ok := w.im.resolve(".", word)
		if !ok || !w.im.nodes[res.Path].regular() || rules.Sandbox(res.Path) {
			return
		}
		if w.im.nodes[res.Path].mode.Perm()&0o111 != 0 {
			w.keepProgram(word, analyzer.RuleCalledBy, from)
		} else {
			w.named(word, from)
		}
		return
	}
	if strings.Contains(word, "/") || len(word) < 2 {
		return
	}
	if command || w.askedProgram(word) {
		w.keepProgram(word, analyzer.RuleCalledBy, from)
	}
}

// makefiles are the names of files of recipes (make(1), -f; GNU make manual 3.2 and 3.3).
var makefiles = []string{"Makefile", "makefile", "GNUmakefile"}

// recipes follows the words of the application's makefiles where make is kept; name is a kept path, make or a makefile.
func (w *worklist) recipes(name string) {
	full, ok := w.program("make")
	if !ok {
		return
	}
	res, ok := w.im.resolve(".", full)
	switch {
	case !ok || w.kept[res.Path] == nil:
	case res.Path == name:
		for _, file := range slices.Sorted(maps.Keys(w.scripts.mayRun)) {
			if w.kept[file] != nil && makefile(file) {
				w.scriptWords(file)
			}
		}
	case w.scripts.mayRun[name] && makefile(name):
		w.scriptWords(name)
	}
}

func makefile(name string) bool {
	return slices.Contains(makefiles, path.Base(name)) || path.Ext(name) == ".mk"
}
