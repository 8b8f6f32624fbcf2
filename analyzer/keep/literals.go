package keep

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/keyword"
	"github.com/slimimage/slim/analyzer/rules"
)

// sourceExtensions are text that an interpreter or a server runs.
var sourceExtensions = regexp.MustCompile(`\.(py|wsgi|rb|ru|pl|pm|cgi|psgi|php\d?|phtml|inc|jspx?|js|mjs|cjs|ts|mts|cts|lua|tcl|scm|exs?|R|r|groovy|` +
	`kts?|clj|scala|yml|yaml|toml|json|ini|conf|cfg|cnf|xml|properties|env)$`)

var (
	// literalPath is an absolute path in quotes, or a value of a setting.
	literalPath = regexp.MustCompile("[\"'`=: \t(](/[A-Za-z0-9_@%+][A-Za-z0-9_@%+.,/-]{2,200})[\"'`; \t\r\n,)]")
	// literalCommand is the first argument of a call that starts a program, in the languages above: exec, spawn, system, popen,
	// subprocess.run and the like, ProcessBuilder, Command.
	literalCommand = keyword.Anywhere("exec spawn fork system popen run call check_call check_output getoutput getstatusoutput Popen "+
		"ProcessBuilder passthru shell_exec proc_open Command capture IO.popen os.execute cmd",
		"(?:exec\\w*|spawn\\w*|fork|system2?|popen\\w*|run|call|check_call|check_output|getoutput|"+
			"getstatusoutput|Popen|ProcessBuilder|passthru|shell_exec|proc_open|Command|capture[23]e?|IO\\.popen|os\\.execute|cmd)"+
			"\\s*\\(?\\s*[\\[({]*\\s*(?:new\\s+String\\s*\\[\\s*\\]\\s*\\{\\s*|Arrays\\.asList\\(|List\\.of\\()?"+
			"[\"'`]([A-Za-z0-9_./+-][^\"'`\n]{0,400})[\"'`]")
)

var (
	// quotesCommands are the names and first lines of sources in languages where back quotes run a command in a shell: Perl (perlop,
	// qx/STRING/), Ruby (Kernel#`), PHP (Execution Operators).
	quotesCommands = regexp.MustCompile(`\.(rb|ru|rake|pl|pm|cgi|psgi|php\d?|phtml|inc)$|\b(perl|ruby|php)`)
	// quotedCommand is such a command on a line that is no comment.
	quotedCommand = regexp.MustCompile("(?m)^[^#*\n]*?(?:`|%x[({\\[/|]|\\bqx ?[({\\[/|])\\s*([A-Za-z0-9_./+-][^`\n]{0,400}?)[`)}\\]/|]")
)

var (
	// shellWord begins a command line that only a shell understands: a special built-in utility (POSIX.1-2017, XCU 2.14), cd, or a variable.
	shellWord = regexp.MustCompile(`^(?:cd|export|set|umask|ulimit|exec|eval|\.|[A-Z_]+=\S*)$`)
	// shellCall is a call that gives even one word to a shell: Python's os.system and os.popen, PHP's functions, Lua's os.execute.
	shellCall = regexp.MustCompile(`^(?:system|popen|getoutput|getstatusoutput|shell_exec|passthru|os\.execute)`)
)

// maxNamed is how many paths one file may name.
const maxNamed = 500

// namedInSource keeps what an application's own source or settings name: existing files by absolute path, and programs that are
// started by name.
func (w *worklist) namedInSource(name string, head []byte) {
	if !sourceExtensions.MatchString(name) && !readsLanguage(firstLine(head)) {
		return
	}
	src, err := w.im.read(name, maxSource)
	if err != nil || bytes.IndexByte(src, 0) >= 0 {
		return
	}
	from := "/" + name
	for _, match := range literalPath.FindAllSubmatch(src, maxNamed) {
		target := string(match[1])
		res, ok := w.im.resolve(".", target)
		if ok && w.im.nodes[res.Path].regular() && !rules.Sandbox(res.Path) {
			w.keep(strings.TrimPrefix(path.Clean(target), "/"), analyzer.RuleNamedBy, from)
		}
	}
	commands := literalCommand.FindAll(src, maxNamed)
	if quotesCommands.MatchString(name) || quotesCommands.MatchString(firstLine(head)) {
		commands = append(commands, quotedCommand.FindAllSubmatch(src, maxNamed)...)
	}
	for _, match := range commands {
		line := string(match[1])
		word, rest, several := strings.Cut(line, " ")
		_, known := w.program(word)
		switch {
		case several && rest != "" && (known || shellWord.MatchString(word)):
			w.commandLine(line, name)
			w.keepProgram("/bin/sh", analyzer.RuleStartedBy, from)
		case !several:
			w.keepProgram(word, analyzer.RuleStartedBy, from)
			if known && shellCall.Match(match[0]) {
				w.keepProgram("/bin/sh", analyzer.RuleStartedBy, from)
			}
		}
	}
}

// namedInSettings keeps what the settings below etc of a package in use name by absolute path, as far as it is of the same source
// package: files, and folders whole.
func (w *worklist) namedInSettings(name string) {
	own, ok := w.db.Owner(name)
	if !ok || !strings.HasPrefix(name, "etc/") {
		return
	}
	src, err := w.im.read(name, maxSource)
	if err != nil || bytes.IndexByte(src, 0) >= 0 {
		return
	}
	for _, match := range literalPath.FindAllSubmatch(src, maxNamed) {
		res, ok := w.im.resolve(".", string(match[1]))
		if !ok || rules.Sandbox(res.Path) || rules.SharedDir(res.Path) {
			continue
		}
		files := []string{res.Path}
		if w.im.isDir(res.Path) {
			files = w.im.below(res.Path)
		}
		for _, file := range files {
			if pkg, ok := w.db.Owner(file); ok && pkg.Source == own.Source && w.junked(file) == "" {
				w.add(file, analyzer.Reason{Rule: analyzer.RuleNamedBy, From: "/" + name})
			}
		}
	}
}
