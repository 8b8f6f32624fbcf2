// Package shell reads what a shell script may run, source and open, without running it.
//
// It parses the script and collects the literal words in the places where the shell would look for a program or a file.
// Words that depend on the run (arguments, command output) are left out; what can be known from the script's own constants
// and the given environment is expanded. The answer is a superset of one run's behaviour in the branches it takes and
// says nothing about words it could not know, save their leading directory (Prefixes).
package shell
