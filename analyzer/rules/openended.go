package rules

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Kind is a kind of program whose job is whatever its user brings: no run shows what it needs.
type Kind struct {
	Name     string
	Programs *regexp.Regexp // names without directory
	// Input is set where the program reads from its standard input what to do unless an argument tells: it is open-ended only then.
	Input  bool
	Source string // where the fact is documented
}

// Kinds is the table of programs with an open-ended job.
func Kinds() []Kind {
	return []Kind{
		{
			Name:     "shell",
			Programs: regexp.MustCompile(`^(sh|ash|dash|r?bash|m?ksh(93)?|oksh|yash|zsh\d?|fish|t?csh|elvish|pwsh|busybox)$`),
			Input:    true,
			Source:   "POSIX.1-2017, XCU sh: without operands and -c, commands are read from standard input",
		},
		{
			Name: "interpreter",
			Programs: regexp.MustCompile(`^(python\d?(\.\d+)*|pypy\d?(\.\d+)?|perl(5\.\d+\S*)?|ruby\d?(\.\d+)?|irb\d?(\.\d+)?|node|nodejs|deno|bun|` +
				`php\d?(\.\d+)?|lua(jit)?(\d(\.\d)?)?|tclsh(\d\.\d)?|wish(\d\.\d)?|expect|R|Rscript|julia|octave(-cli)?|guile(-\d(\.\d)?)?|racket|` +
				`sbcl|clisp|ecl|gst|swipl|ghci|ocaml|utop|erl|iex|elixir|scala|groovysh|jshell|clojure|bb|gforth|maxima|gnuplot|sqlite3|bc|dc)$`),
			Input:  true,
			Source: "the manual page of each: without a script, its program is read from standard input",
		},
		{
			Name: "build tool",
			Programs: regexp.MustCompile(`^(g?make|ninja|samu|cmake|ctest|meson|scons|waf|bazel|bazelisk|buck2?|rake|ant|mvn|gradle|sbt|lein|msbuild|` +
				`xbuild|just|task|invoke|doit|tox|nox|redo|tup|qmake\d?|xmake|dpkg-buildpackage|debuild|rpmbuild|abuild|makepkg|autoreconf)$`),
			Source: "make(1) and the manual of each: recipes run any program",
		},
		{
			Name: "compiler",
			Programs: regexp.MustCompile(`^(\S+-linux-\S+-)?(cc|c89|c99|gcc|g\+\+|c\+\+|cpp|clang(\+\+)?|tcc|gfortran|gdc|gnat\S*|gccgo|ldc2|dmd|fpc|ghc|` +
				`runghc|ocaml(c|opt|find|build)|rustc|cargo|go|javac|kotlinc|scalac|mcs|csc|vbc|nim|zig|crystal|erlc|elixirc|as|ld)(-[\d.]+)?$`),
			Source: "gcc(1): the driver runs the programs of each step, with headers and libraries of the packages that are installed",
		},
		{
			Name: "typesetter",
			Programs: regexp.MustCompile(`^(e?tex|(pdf|xe|lua|up?|p)?(la)?tex|luahbtex|pdfetex|latexmk|context|tectonic|typst|groff|troff|asciidoctor(-pdf)?|` +
				`a2x|dblatex|pandoc|sphinx-build|mkdocs|doxygen|lilypond|lout|weasyprint|jupyter(-\S+)?|quarto)$`),
			Source: "tex(1) and the manual of each: documents load any installed class, font or filter",
		},
		{
			Name: "configuration runner",
			Programs: regexp.MustCompile(`^(ansible(-\S+)?|puppet|chef-(client|solo|apply)|salt-(call|minion|ssh)|cf-agent|terraform|tofu|pyinfra|cinc-\S+|` +
				`molecule|packer|bats|gitlab-runner|act_runner|buildkite-agent)$`),
			Source: "the manual of each: tasks run programs of the machine that they configure",
		},
		{
			Name:     "login",
			Programs: regexp.MustCompile(`^(sshd|dropbear|in\.telnetd|telnetd|ttyd|shellinaboxd|gotty|wetty)$`),
			Source:   "sshd(8), LOGIN PROCESS: it runs the user's shell or command",
		},
	}
}

// KindOf finds the kind of a program with an open-ended job.
func KindOf(name string) (Kind, bool) {
	base := path.Base(name)
	for _, kind := range Kinds() {
		if kind.Programs.MatchString(base) {
			return kind, true
		}
	}
	return Kind{}, false
}

// idleOptions are options with which a shell or an interpreter still reads its standard input (the manual pages of sh, bash, python3,
// node, irb and psql's kin).
var idleOptions = []string{
	"-", "--", "-i", "-l", "-s", "-il", "-li", "-q", "-u", "--login", "--interactive", "--norc", "--noprofile", "--quiet", "--vanilla",
	"--no-save", "-a", "-E", "-B", "-I",
}

// ReadsInput says whether a command line starts a shell or an interpreter that reads from its standard input what to do, and names the
// kind.
func ReadsInput(argv []string) (kind string, ok bool) {
	if len(argv) == 0 {
		return "", false
	}
	k, ok := KindOf(strings.TrimPrefix(path.Base(argv[0]), "-")) // a login shell's name begins with a hyphen
	if !ok || !k.Input {
		return "", false
	}
	args := argv[1:]
	if path.Base(argv[0]) == "busybox" {
		if len(args) == 0 {
			return "", false
		}
		return ReadsInput(args)
	}
	for _, arg := range args {
		if !slices.Contains(idleOptions, arg) {
			return "", false
		}
	}
	return k.Name, true
}

// Utilities are the programs of POSIX that work on files and text, and bash: what people and scripts take for granted in a shell.
func Utilities() []string { return slices.Clone(utilities.Paths) }

var utilities = Place{
	Name: "programs that people and scripts take for granted in a shell",
	Paths: []string{
		"ar", "awk", "basename", "bash", "bc", "cat", "chgrp", "chmod", "chown", "cksum", "clear", "cmp", "comm", "cp", "csplit", "cut", "date",
		"dd", "df", "diff", "dirname", "du", "echo", "ed", "env", "expand", "expr", "false", "file", "find", "fold", "getconf", "grep", "egrep",
		"fgrep", "gunzip", "gzip", "head", "hostname", "id", "install", "join", "kill", "ln", "locale", "logname", "ls", "m4", "make", "md5sum",
		"mkdir", "mkfifo", "mktemp", "more", "mv", "nice", "nl", "nohup", "od", "paste", "patch", "pathchk", "pgrep", "pkill", "pr", "printenv",
		"printf", "ps", "pwd", "readlink", "realpath", "renice", "rm", "rmdir", "sed", "seq", "sh", "sha1sum", "sha256sum", "sha512sum", "shuf",
		"sleep", "sort", "split", "stat", "stty", "sync", "tac", "tail", "tar", "tee", "test", "time", "timeout", "touch", "tr", "true",
		"truncate", "tsort", "tty", "uname", "unexpand", "uniq", "wc", "which", "who", "whoami", "xargs", "yes", "zcat", "[",
	},
	Source: "POSIX.1-2017, XCU 4, Utilities; GNU coreutils",
}
