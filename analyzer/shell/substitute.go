package shell

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

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
