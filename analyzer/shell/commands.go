package shell

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Commands reads a script. name is the script's path, for $0 and for messages; env holds variables known beforehand (the image's Env).
// A script that does not parse is read tolerantly. Commands fails only for a file that is not text (it has a NUL byte).
func Commands(src []byte, name string, env map[string]string) (Script, error) {
	r := &reader{
		self: "/" + strings.TrimLeft(name, "/"), env: env, vars: map[string][]value{}, funcs: set{},
		mentioned: map[value]bool{}, commands: set{}, sourced: set{}, paths: set{}, prefixes: set{}, budget: maxSteps,
	}
	if len(src) > MaxSize {
		src, r.warning = src[:MaxSize], fmt.Sprintf("only the first %d bytes were read", MaxSize)
	}
	if bytes.IndexByte(src, 0) >= 0 {
		return Script{}, errors.New("reading script: not text")
	}
	tolerant := false
	file, lang, err := parse(src, name)
	r.builtins = builtinsOf(lang)
	if err != nil {
		tolerant, r.warning = true, "read line by line: "+err.Error()
		r.lines(string(src))
	} else {
		r.file(file)
	}
	return r.script(lang, tolerant), nil
}

// reader is one script being read.
type reader struct {
	self      string // absolute path of the script: $0
	env       map[string]string
	vars      map[string][]value // what the script assigns
	funcs     set
	builtins  map[string]bool
	commands  set
	sourced   set
	paths     set
	prefixes  set
	mentioned map[value]bool // long values whose paths are recorded
	warning   string
	depth     int // of scripts within the script
	budget    int // words that may still be expanded
}

// Bounds of the work on one script.
const (
	maxSteps  = 5_000_000
	maxDepth  = 5
	maxRounds = 3 // over the assignments: constants made of constants
)

func (r *reader) script(lang syntax.LangVariant, tolerant bool) Script {
	s := Script{
		Lang: lang.String(), Tolerant: tolerant, Warning: r.warning, Commands: r.commands.sorted(), Sourced: r.sourced.sorted(),
		Paths: r.paths.sorted(), Prefixes: r.prefixes.sorted(), Vars: map[string]string{},
	}
	for name, values := range r.vars {
		if len(values) == 1 && values[0].whole {
			s.Vars[name] = values[0].text
		}
	}
	return s
}

// parse tries the dialect that the script asks for, then the others.
func parse(src []byte, name string) (*syntax.File, syntax.LangVariant, error) {
	lang := dialect(src)
	if tooDeep(src) {
		return nil, lang, errors.New("too deeply nested")
	}
	var first error
	for _, try := range []syntax.LangVariant{lang, syntax.LangBash, syntax.LangMirBSDKorn} {
		file, err := syntax.NewParser(syntax.Variant(try)).Parse(bytes.NewReader(src), path.Base(name))
		if err == nil {
			return file, try, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, lang, first
}

// dialect is the language of a script by its first line.
func dialect(src []byte) syntax.LangVariant {
	line, _, _ := bytes.Cut(src[:min(len(src), 256)], []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		return syntax.LangPOSIX
	}
	for _, word := range strings.Fields(string(line[2:])) {
		switch path.Base(word) {
		case "bash", "zsh":
			return syntax.LangBash
		case "mksh", "ksh", "ksh93", "oksh", "pdksh", "lksh":
			return syntax.LangMirBSDKorn
		}
	}
	return syntax.LangPOSIX
}

// tooDeep reports whether a script could nest so deeply that a recursive parser runs out of stack, which Go cannot recover from.
// Measured with mvdan.cc/sh v3.14: an opening bracket costs up to 2 KiB of stack, an operator or keyword up to 1.
func tooDeep(src []byte) bool {
	const maxBrackets, maxOthers = 32 << 10, 128 << 10
	brackets, others := 0, 0
	for _, c := range src {
		switch c {
		case '(', '[', '{', '`':
			brackets++
		case '-', '!', '~', '|', '&', '?', '=', '*', '+', '<', '>':
			others++
		}
	}
	for _, keyword := range []string{"if", "while", "until", "for", "case", "select", "time", "coproc"} {
		brackets += bytes.Count(src, []byte(keyword))
	}
	return brackets > maxBrackets || others > maxOthers
}

// file reads a parsed script: its functions and constants first, since both may be used before they are defined.
func (r *reader) file(file *syntax.File) {
	for range maxRounds {
		r.constants(file)
	}
	syntax.Walk(file, func(node syntax.Node) bool {
		r.node(node)
		return r.budget > 0
	})
	if r.budget <= 0 {
		r.warning = "too large to read whole"
	}
}

// node reads one node of the tree; its children are visited separately.
func (r *reader) node(node syntax.Node) {
	switch n := node.(type) {
	case *syntax.CallExpr:
		if len(n.Args) > 0 {
			r.call(r.fields(n.Args))
		}
	case *syntax.Word:
		r.mention(r.expand(n))
		r.mentionParts(n.Parts, true)
	}
}

// inner reads text as a script within this one: sh -c, eval, trap.
func (r *reader) inner(text string) {
	if r.depth >= maxDepth || len(text) > MaxSize || tooDeep([]byte(text)) {
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "inner")
	if err != nil {
		r.lines(text)
		return
	}
	r.depth++
	r.file(file)
	r.depth--
}
