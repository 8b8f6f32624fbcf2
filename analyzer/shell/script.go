package shell

import "slices"

// Script lists the names that a script uses. All lists are sorted and hold no duplicates.
type Script struct {
	// Lang is the dialect it was read as: "posix", "bash" or "mksh".
	Lang string
	// Tolerant is set when the script did not parse and was read line by line instead: more names, less certain.
	Tolerant bool
	// Warning explains in one clause why the script was read tolerantly or not to its end; empty otherwise.
	Warning string
	// Commands are command words: names to look up in PATH ("sed") or paths ("/usr/sbin/nginx", "./run.sh").
	// Functions of the script and builtins of its shell are left out.
	Commands []string
	// Sourced are scripts it reads: the arguments of "." and "source" and of shells ("sh FILE"); paths, or names to look up in PATH.
	Sourced []string
	// Paths are the literal absolute paths anywhere in the script, also in redirections, assignments and here-documents.
	Paths []string
	// Prefixes are absolute directories under which a path was built from an unknown part or a glob: "/etc/app/" of
	// "/etc/app/$1". They end with a slash and are never "/".
	Prefixes []string
	// Vars are the variables that the script gives one constant value, by name, and the value.
	Vars map[string]string
}

// MaxSize is how many bytes of a script are read; the rest is ignored, and Warning reports it.
const MaxSize = 1 << 20

// set collects words.
type set map[string]bool

// maxWords bounds each list of a Script, and maxWord the bytes of one word: PATH_MAX.
const (
	maxWords = 10_000
	maxWord  = 4096
)

func (s set) add(word string) {
	if word != "" && len(word) <= maxWord && len(s) < maxWords {
		s[word] = true
	}
}

func (s set) sorted() []string {
	var words []string
	for word := range s {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}
