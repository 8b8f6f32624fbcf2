package rules

import (
	"path"
	"slices"
	"strings"
)

// generalPurpose are programs that run what they are given: shells, interpreters, virtual machines and build tools. What such a program
// could do says nothing of what it is used for.
var generalPurpose = []struct {
	names  string // globs of the names of its programs
	source string
}{
	{"sh ash bash dash ksh* mksh oksh posh rbash yash zsh csh tcsh fish elvish pwsh busybox toybox execlineb", "shells(5); execlineb(1)"},
	{"python python[23]* pypy pypy3*", "python(1), the os module"},
	{"perl perl5* raku rakudo*", "perlfunc(1), perlvar(1): $< and $>"},
	{"ruby ruby[0-9]* jruby", "Ruby: Process::Sys, Process::UID"},
	{"node nodejs deno bun", "Node.js: process.setuid, process.initgroups"},
	{"php php[578]* php-cli", "PHP: posix_setuid; php-fpm has a name of its own"},
	{"lua lua5* luajit* tclsh* wish* expect guile guile-* R Rscript julia octave*", "the manual page of each"},
	{"java dotnet mono mono-sgen* beam beam.smp erlexec escript elixir", "java(1), dotnet(1), mono(1), erl(1)"},
	{"sbcl clisp ecl ocaml ocamlrun racket swipl gst emacs*", "the manual page of each"},
	{"awk gawk mawk original-awk make gmake ninja ant mvn gradle bazel cmake", "awk(1), make(1): what a recipe runs is the recipe's"},
}

// GeneralPurpose reports whether a program runs what it is given, by the name of its file.
func GeneralPurpose(program string) bool {
	name := path.Base(program)
	for _, row := range generalPurpose {
		for glob := range strings.FieldsSeq(row.names) {
			if ok, err := path.Match(glob, name); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// multiCall are programs with many others in them, and those of these that change to another user themselves.
var multiCall = map[string]string{ // Source: "BusyBox - The Swiss Army Knife of Embedded Linux", Commands; Toybox command list
	"busybox": "chpst chroot crond getty inetd login setuidgid start-stop-daemon su sulogin tcpsvd telnetd udpsvd",
	"toybox":  "chroot crond getty inetd login su telnetd",
}

// Applet is the program that a process of a multi-call program is: the name that it was called by, "" for other programs. changes says that
// it is one which turns into other users.
func Applet(program string, argv []string) (name string, changes bool) {
	changing, ok := multiCall[path.Base(program)]
	if !ok || len(argv) == 0 {
		return "", false
	}
	name = strings.TrimPrefix(path.Base(argv[0]), "-") // of a login shell
	if _, itself := multiCall[name]; itself && len(argv) > 1 {
		name = argv[1]
	}
	return name, slices.Contains(strings.Fields(changing), name)
}

// Functions that change the user or the root directory of a process (credentials(7), chroot(2), pam(3), cap_get_proc(3)). A program that
// imports one of the first kind can turn into any user. One of the second kind may merely give up what a setuid bit gave it: it also
// imports a look-up of users where it turns into one of them.
var (
	changesIdentity = strings.Fields("initgroups setgroups chroot pivot_root pam_start cap_set_proc seteuid setegid setreuid setregid " +
		"setresuid " +
		"setresgid setfsuid setfsgid setusercontext")
	leavesIdentity = strings.Fields("setuid setgid")
	looksUpUsers   = strings.Fields("getpwnam getpwnam_r getpwuid getpwuid_r getpwent getgrnam getgrnam_r")
)

// IdentityFunctions are those of the imported functions by which a program can turn into another user or change its root directory.
func IdentityFunctions(imports []string) []string {
	has := func(list []string) (found []string) {
		for _, name := range list {
			if slices.Contains(imports, name) {
				found = append(found, name)
			}
		}
		return found
	}
	strong, weak := has(changesIdentity), has(leavesIdentity)
	if len(strong) == 0 && len(has(looksUpUsers)) == 0 {
		return nil
	}
	found := append(strong, weak...)
	slices.Sort(found)
	return found
}
