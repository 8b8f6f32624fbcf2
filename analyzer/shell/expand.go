package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is a possible value of a word: the whole text, or only the part before the first unknown part.
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

// lookup returns the possible values of a variable: the environment's, and those that the script assigns.
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

// expand returns the possible values of a word after expansion, without field splitting.
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

// literal removes the escapes of a literal; everything after a glob character is unknown.
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
