// Package shell reads what a shell script may run, source and open, without running it.
//
// It parses the script and collects the literal words in the places where the shell would look for a program or a file. It leaves out
// words that depend on the run (arguments, command output) and expands those that follow from the script's own constants and the given
// environment. The result is a superset of one run's behaviour in the branches it takes. Of unknown words it reports only the leading
// directory (Prefixes).
package shell
