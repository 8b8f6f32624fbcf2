// Package rules is what slim knows about runtimes and package managers, as data: which files a runtime reaches from one that
// is in use, and which files are never needed at run time. Every entry names its source and is true of the runtime in general,
// never of one application.
//
// The tables are families.go (what a runtime reaches), junk.go (what is not for run time), layout.go (the file system layout), arches.go
// (names of architectures), python.go and optional.go. A row of families.go or junk.go has one field a line: Name, unique and what
// Options.DisableRules takes; the patterns; and Source, the document or the manual page that states the fact. Rows are read in
// order. Tests hold that each row has a name of its own and a source, and that its patterns compile.
//
// A glob is matched by path component: "*" and "?" as in path.Match, "**" stands for any number of components, "{a,b}" for
// one of several. Paths have no leading slash and no symlink on the way (merged /usr: usr/lib, not lib).
//
// Globs are matched by code of ours (glob.go): path.Match has neither "**" nor braces, a row needs what the first "*" stood for (Submatch),
// and a plan matches some hundred patterns with every path of an image, without allocating.
package rules

import "slices"

// Family says: where a kept path matches one of When, the image's files that match Keep (and not Except) are kept too.
// "$1" in Keep and Except is what the first "*" component of the matching When stood for.
type Family struct {
	Name   string
	When   []string
	Keep   []string
	Except []string
	// Imports are functions: where a kept program or library imports one of them, Keep is kept too, of ELF files those of its own
	// class and machine.
	Imports []string
	// Run is set where only a program that the observed run itself executed or opened counts as kept.
	Run    bool
	Source string // where the fact is documented
}

// Junk is what is not for run time. An application's own files are kept but for these.
type Junk struct {
	Name   string
	Globs  []string
	Source string
}

// Names lists the names of all rules, sorted: what Options.DisableRules may hold.
func Names() []string {
	names := []string{NodeDevDependencies}
	for _, f := range Families() {
		names = append(names, f.Name)
	}
	for _, j := range Junks() {
		names = append(names, j.Name)
	}
	slices.Sort(names)
	return names
}

// NodeDevDependencies is the rule that drops packages which a lock file marks as needed for development alone.
const NodeDevDependencies = "node-dev-dependencies"

// Shadow is the rule of the users' password hashes. It does not hold for general-purpose programs, which have all functions of the C
// library.
const Shadow = "shadow"

// PAM is the rule of the stacks of PAM: the modules that they name are kept with them.
const PAM = "pam"
