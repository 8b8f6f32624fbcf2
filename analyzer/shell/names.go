package shell

import "slices"

// names are shells by their language: POSIX is what this package reads (XCU 2, "Shell Command Language", with the extensions of the shell).
var names = []struct {
	name  string
	posix bool
}{
	{"sh", true},
	{"ash", true},
	{"bash", true},
	{"dash", true},
	{"ksh", true},
	{"mksh", true},
	{"zsh", true},

	{"busybox", false}, // not by this name: "busybox sh"
	{"csh", false},
	{"elvish", false},
	{"fish", false},
	{"oksh", false},
	{"pwsh", false},
	{"rbash", false},
	{"tcsh", false},
	{"toybox", false},
	{"yash", false},
}

// Reads reports whether a program of this name, without directory, is a shell whose scripts and -c this package reads.
func Reads(name string) bool {
	for _, shell := range names {
		if shell.name == name {
			return shell.posix
		}
	}
	return false
}

// Names lists the programs that are shells or have one in them, sorted.
func Names() []string {
	var list []string
	for _, shell := range names {
		list = append(list, shell.name)
	}
	slices.Sort(list)
	return list
}
