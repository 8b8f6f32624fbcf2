package shell

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is what a word may be: whole, or only what comes before the first unknown part.
type value struct {
	text  string
	whole bool
}

// maxValues bounds the values kept of one word or variable, maxParts the parts of a word that are expanded.
const (
	maxValues = 16
	maxParts  = 512
)

var unknown = []value{{}}

// constants records what the script assigns, defines as functions and iterates over.
func (r *reader) constants(file *syntax.File) {
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				r.funcs.add(n.Name.Value)
			}
		case *syntax.Assign:
			r.assign(n)
		case *syntax.WordIter:
			for _, item := range n.Items {
				for _, v := range r.expand(item) {
					r.learn(n.Name.Value, splitFields(item, v))
				}
			}
			if !n.InPos.IsValid() {
				r.learn(n.Name.Value, unknown)
			}
		case *syntax.ParamExp:
			if n.Param != nil && n.Exp != nil && (n.Exp.Op == syntax.AssignUnsetOrNull || n.Exp.Op == syntax.AssignUnset) && n.Exp.Word != nil {
				r.learn(n.Param.Value, r.expand(n.Exp.Word))
			}
		case *syntax.CallExpr:
			r.builtinAssigns(n)
		}
		return r.budget > 0
	})
}

func (r *reader) assign(n *syntax.Assign) {
	switch {
	case n.Naked || n.Name == nil:
	case n.Array != nil:
		for _, elem := range n.Array.Elems {
			if elem.Value != nil {
				r.learn(n.Name.Value, r.expand(elem.Value))
			}
		}
	case n.Append:
		r.learn(n.Name.Value, unknown)
		if n.Value != nil {
			r.mention(r.expand(n.Value))
		}
	case n.Value == nil:
		r.learn(n.Name.Value, []value{{"", true}})
	default:
		r.learn(n.Name.Value, r.expand(n.Value))
	}
}

// builtinAssigns records what builtins assign: export and its like what they say (POSIX has no syntax of its own for them),
// read and getopts something unknown.
func (r *reader) builtinAssigns(n *syntax.CallExpr) {
	if len(n.Args) == 0 {
		return
	}
	switch n.Args[0].Lit() {
	case "read", "getopts":
		for _, arg := range n.Args[1:] {
			if name := arg.Lit(); syntax.ValidName(name) {
				r.learn(name, unknown)
			}
		}
	case "export", "readonly", "local", "declare", "typeset":
		for _, arg := range n.Args[1:] {
			for _, v := range r.expand(arg) {
				if name, text, ok := strings.Cut(v.text, "="); ok && syntax.ValidName(name) {
					r.learn(name, []value{{text, v.whole}})
				}
			}
		}
	}
}

func (r *reader) learn(name string, values []value) {
	for _, v := range values {
		if have := r.vars[name]; len(have) < maxValues && !slices.Contains(have, v) && len(v.text) <= maxWord {
			r.vars[name] = append(have, v)
		}
	}
}

// lookup is what a variable may hold: what the environment says, and what the script assigns.
func (r *reader) lookup(name string) []value {
	if name == "0" || name == "BASH_SOURCE" {
		return []value{{r.self, true}}
	}
	values := slices.Clone(r.vars[name])
	if v, ok := r.env[name]; ok {
		values = append([]value{{v, true}}, values...)
	}
	if values == nil {
		return unknown
	}
	return values
}

// expand is what a word may be after expansion, without field splitting.
func (r *reader) expand(word *syntax.Word) []value {
	if word == nil {
		return nil
	}
	return r.parts(word.Parts, false)
}

func (r *reader) parts(parts []syntax.WordPart, quoted bool) []value {
	values := []value{{"", true}}
	for i, part := range parts {
		r.budget--
		if r.budget <= 0 {
			return unknown
		}
		if i >= maxParts {
			return join(values, unknown)
		}
		next := r.part(part, quoted)
		if lit, ok := part.(*syntax.Lit); ok && i == 0 && !quoted && strings.HasPrefix(lit.Value, "~") {
			next = r.tilde(next)
		}
		values = join(values, next)
		if !slices.ContainsFunc(values, func(v value) bool { return v.whole }) {
			break
		}
	}
	return values
}

// join appends each of next to each whole value of before.
func join(before, next []value) []value {
	var out []value
	for _, b := range before {
		if !b.whole {
			out = append(out, b)
			continue
		}
		for _, n := range next {
			if len(out) < maxValues && len(b.text)+len(n.text) <= MaxSize {
				out = append(out, value{b.text + n.text, n.whole})
			}
		}
	}
	return out
}

func (r *reader) part(part syntax.WordPart, quoted bool) []value {
	switch p := part.(type) {
	case *syntax.Lit:
		return []value{literal(p.Value, quoted)}
	case *syntax.SglQuoted:
		return []value{{p.Value, true}}
	case *syntax.DblQuoted:
		return r.parts(p.Parts, true)
	case *syntax.ParamExp:
		return r.param(p)
	case *syntax.CmdSubst:
		return r.substitution(p.Stmts)
	}
	return unknown
}

// literal removes the escapes of a literal; a glob character makes what follows unknown.
func literal(text string, quoted bool) value {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("\"\\$`\n", text[i+1]) >= 0):
			if i++; text[i] != '\n' {
				b.WriteByte(text[i])
			}
		case !quoted && (c == '*' || c == '?' || c == '[' && i+1 < len(text)):
			return value{b.String(), false}
		default:
			b.WriteByte(c)
		}
	}
	return value{b.String(), true}
}

func (r *reader) tilde(values []value) []value {
	home, ok := r.env["HOME"]
	if !ok || !strings.HasPrefix(values[0].text+"/", "~/") {
		return unknown
	}
	values[0].text = home + values[0].text[1:]
	return values
}

// param expands $X, ${X:-word} and its like, and the removal of a literal or the common prefixes and suffixes.
func (r *reader) param(p *syntax.ParamExp) []value {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.IsSet || p.Slice != nil || p.Repl != nil || p.Names != 0 {
		return unknown
	}
	values := r.lookup(p.Param.Value)
	if p.Exp == nil {
		return values
	}
	word := r.expand(p.Exp.Word)
	if word == nil {
		word = []value{{"", true}}
	}
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		return append(word, values...)
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		return append(word, value{"", true})
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return values
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix, syntax.RemSmallPrefix, syntax.RemLargePrefix:
		return trimmed(values, p.Exp)
	}
	return unknown
}

// trimmed removes a pattern that is literal, or one of "/*", "*/", ".*" and "*.", from each value.
func trimmed(values []value, exp *syntax.Expansion) []value {
	pattern := ""
	if exp.Word != nil {
		pattern = exp.Word.Lit()
	}
	var out []value
	for _, v := range values {
		if !v.whole {
			return unknown
		}
		text := v.text
		switch {
		case pattern == "" || strings.ContainsAny(strings.Trim(pattern, "*"), "*?[\\"):
			return unknown
		case exp.Op == syntax.RemSmallSuffix && strings.HasSuffix(pattern, "*"):
			if i := strings.LastIndex(text, strings.TrimSuffix(pattern, "*")); i >= 0 {
				text = text[:i]
			}
		case exp.Op == syntax.RemLargePrefix && strings.HasPrefix(pattern, "*"):
			if i := strings.LastIndex(text, pattern[1:]); i >= 0 {
				text = text[i+len(pattern)-1:]
			}
		case strings.Contains(pattern, "*"):
			return unknown
		case exp.Op == syntax.RemSmallSuffix || exp.Op == syntax.RemLargeSuffix:
			text = strings.TrimSuffix(text, pattern)
		default:
			text = strings.TrimPrefix(text, pattern)
		}
		out = append(out, value{text, true})
	}
	return out
}

// substitution knows the output of a few commands on known words: dirname, basename, realpath, readlink -f, echo, and
// "cd DIR && pwd" or "cd DIR; pwd".
func (r *reader) substitution(stmts []*syntax.Stmt) []value {
	if len(stmts) == 2 {
		return r.cdPwd(stmts[0], stmts[1])
	}
	if len(stmts) != 1 {
		return unknown
	}
	switch cmd := stmts[0].Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt {
			return r.cdPwd(cmd.X, cmd.Y)
		}
	case *syntax.CallExpr:
		if len(cmd.Args) < 2 {
			return unknown
		}
		values := r.expand(cmd.Args[len(cmd.Args)-1])
		switch cmd.Args[0].Lit() {
		case "dirname":
			return absolute(values, path.Dir)
		case "basename":
			return absolute(values, path.Base)
		case "realpath", "readlink":
			return absolute(values, func(s string) string { return s })
		case "echo":
			if len(cmd.Args) == 2 {
				return values
			}
		}
	}
	return unknown
}

func (r *reader) cdPwd(first, second *syntax.Stmt) []value {
	cd, ok := first.Cmd.(*syntax.CallExpr)
	pwd, ok2 := second.Cmd.(*syntax.CallExpr)
	if ok && ok2 && len(cd.Args) > 1 && len(pwd.Args) > 0 && cd.Args[0].Lit() == "cd" && pwd.Args[0].Lit() == "pwd" {
		return absolute(r.expand(cd.Args[len(cd.Args)-1]), func(s string) string { return s })
	}
	return unknown
}

// absolute applies f to each whole absolute path; anything else is unknown.
func absolute(values []value, f func(string) string) []value {
	var out []value
	for _, v := range values {
		if v.whole && strings.HasPrefix(v.text, "/") {
			out = append(out, value{f(v.text), true})
		} else {
			out = append(out, value{})
		}
	}
	return out
}
