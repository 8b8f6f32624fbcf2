package keep

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
)

// maxAssembly is how much of a .NET assembly is read, in bytes.
const maxAssembly = 32 << 20

// clrMagic begins the metadata of a .NET assembly (ECMA-335, II.24.2.1).
var clrMagic = []byte("BSJB\x01\x00\x01\x00")

// clrString is a word of the heap of user strings, which are UTF-16 (ECMA-335, II.24.2.4): printable ASCII without a space.
var clrString = regexp.MustCompile("(?:[!-~]\x00){2,255}")

// clrLiterals keeps the files and the programs that the strings of an application's .NET assembly name, by absolute path or, of a
// package that the image's author asked for, by the program's name.
func (w *worklist) clrLiterals(name string) {
	if !strings.HasSuffix(name, ".dll") && !strings.HasSuffix(name, ".exe") {
		return
	}
	if _, owned := w.db.Owner(name); owned {
		return
	}
	src, err := w.im.read(name, maxAssembly)
	if err != nil || !bytes.Contains(src, clrMagic) {
		return
	}
	for _, found := range clrString.FindAll(src, 100*maxNamed) {
		w.literalWord(strings.ReplaceAll(string(found), "\x00", ""), name)
	}
}

// literalWord keeps the file that a string literal of an application names by absolute path, or the program that it names, if the author
// of the image asked for its package.
func (w *worklist) literalWord(word, name string) {
	if !strings.Contains(word, "/") {
		if w.askedProgram(word) {
			w.keepProgram(word, analyzer.RuleStartedBy, "/"+name)
		}
		return
	}
	res, ok := w.im.resolve(".", word)
	if !ok || !strings.HasPrefix(word, "/") || !w.im.nodes[res.Path].regular() || rules.Sandbox(res.Path) {
		return
	}
	if w.im.nodes[res.Path].mode.Perm()&0o111 != 0 {
		w.keepProgram(word, analyzer.RuleStartedBy, "/"+name)
	} else {
		w.keep(strings.TrimPrefix(word, "/"), analyzer.RuleNamedBy, "/"+name)
	}
}

// askedProgram says whether a word is exactly the name of a program of the application or of a package that the author asked for.
func (w *worklist) askedProgram(word string) bool {
	full, ok := w.program(word)
	if !ok {
		return false
	}
	res, ok := w.im.resolve(".", full)
	if !ok {
		return false
	}
	pkg, owned := w.db.Owner(res.Path)
	return !owned || pkg.Asked
}
