// Package gosymbols says whether Go programs have functions that an advisory names. It reads the table of function names that the Go
// runtime needs for stack traces (.gopclntab): it is there in a stripped program too, and since Go 1.16 it also has the names of inlined
// functions (cmd/link/internal/ld/pcln.go, generateFuncnametab and walkFuncs).
//
// govulncheck answers the same question from the symbol table in its binary mode, and has no answer for stripped programs. Its packages are
// internal, and it takes a name for absent that it cannot find; here every doubt is an answer of its own.
//
// Every byte of a program is hostile: nothing is read but a header and the names, which stream by.
package gosymbols
