package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Builtins: POSIX and dash (dash(1)); what bash, mksh and busybox ash add (bash(1), mksh(1), ash's help). echo, printf, test
// and kill exist as programs too, yet the shell takes its own.
const (
	posixBuiltins = ". : [ alias bg break cd chdir command continue echo eval exec exit export false fc fg getopts hash jobs kill " +
		"local printf pwd read readonly return set shift test times trap true type ulimit umask unalias unset wait let source help"
	bashBuiltins = "bind builtin caller compgen complete compopt declare dirs disown enable help history let logout mapfile popd pushd " +
		"readarray shopt source suspend typeset"
	kshBuiltins = "builtin global let print source typeset whence"
	keywords    = "if then else elif fi for while until do done case esac in { } ! [[ ]] function select time coproc"
)

func builtinsOf(lang syntax.LangVariant) map[string]bool {
	list := posixBuiltins + " " + keywords
	switch lang {
	case syntax.LangBash:
		list += " " + bashBuiltins
	case syntax.LangMirBSDKorn:
		list += " " + kshBuiltins
	}
	names := map[string]bool{}
	for _, name := range strings.Fields(list) {
		names[name] = true
	}
	return names
}
