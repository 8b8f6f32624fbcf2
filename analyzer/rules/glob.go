package rules

import (
	"fmt"
	"strings"
)

// Glob is a compiled pattern. A plan asks some hundred patterns about every path of an image: matching allocates nothing and
// takes time linear in the path for each "**" (no regular expression: measured, those were two thirds of an analysis).
type Glob struct {
	prefix string // every match begins with it
	need   string // every match holds it: most paths are refused by that alone
	parts  []part
}

// part is one component of a pattern.
type part struct {
	deep bool      // "**": any number of components; the last part: at least one
	star bool      // "*": one component, which Submatch reports
	any  []segment // what one component may look like: one, or several from "{a,b}"
}

// segment is one component of a pattern without braces.
type segment []token

// token is a run of literal bytes, "?", "*" or a class.
type token struct {
	kind byte // 'l', '?', '*' or '['
	text string
	not  bool // "[!...]"
}

// maxAlternatives bounds what the braces of one component multiply to.
const maxAlternatives = 4096

// Compile reads a pattern; see the package comment. A leading slash is dropped.
func Compile(pattern string) (Glob, error) {
	text := strings.TrimPrefix(pattern, "/")
	if text == "" || len(text) > 4096 {
		return Glob{}, fmt.Errorf("pattern %q is empty or too long", pattern)
	}
	g := Glob{prefix: text}
	if i := strings.IndexAny(text, `*?[{\`); i >= 0 {
		g.prefix = text[:i]
	}
	for _, component := range strings.Split(text, "/") {
		p, err := compilePart(component)
		if err != nil {
			return Glob{}, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		g.parts = append(g.parts, p)
		if len(p.any) != 1 {
			continue
		}
		for _, t := range p.any[0] {
			if t.kind == 'l' && len(t.text) > len(g.need) {
				g.need = t.text
			}
		}
	}
	return g, nil
}

func compilePart(component string) (part, error) {
	if component == "**" {
		return part{deep: true}, nil
	}
	plain, err := alternatives(component)
	if err != nil {
		return part{}, err
	}
	p := part{star: component == "*"}
	for _, text := range plain {
		s, err := compileSegment(text)
		if err != nil {
			return part{}, err
		}
		p.any = append(p.any, s)
	}
	return p, nil
}

// alternatives writes the braces of one component out: "a{b,c}" is "ab" and "ac". Braces may stand in braces.
func alternatives(text string) ([]string, error) {
	open, end, commas, err := braces(text)
	if err != nil || open < 0 {
		return []string{text}, err
	}
	tails, err := alternatives(text[end+1:])
	if err != nil {
		return nil, err
	}
	var all []string
	from := open + 1
	for _, to := range append(commas, end) {
		middles, err := alternatives(text[from:to])
		if err != nil {
			return nil, err
		}
		if len(all)+len(middles)*len(tails) > maxAlternatives {
			return nil, fmt.Errorf("its braces stand for more than %d names", maxAlternatives)
		}
		for _, middle := range middles {
			for _, tail := range tails {
				all = append(all, text[:open]+middle+tail)
			}
		}
		from = to + 1
	}
	return all, nil
}

// braces finds the first pair of braces and the commas directly inside; open is -1 where there is none.
func braces(text string) (open, end int, commas []int, err error) {
	open = -1
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '[':
			if n := strings.IndexByte(text[i:], ']'); n > 0 {
				i += n
			}
		case '{':
			if depth++; depth == 1 {
				open = i
			}
		case ',':
			if depth == 1 {
				commas = append(commas, i)
			}
		case '}':
			if depth--; depth < 0 {
				return 0, 0, nil, fmt.Errorf("a } without {")
			}
			if depth == 0 {
				return open, i, commas, nil
			}
		}
	}
	if depth != 0 {
		return 0, 0, nil, fmt.Errorf("a { without }")
	}
	return -1, 0, nil, nil
}

func compileSegment(text string) (segment, error) {
	var s segment
	literal := func(c string) {
		if n := len(s); n > 0 && s[n-1].kind == 'l' {
			s[n-1].text += c
			return
		}
		s = append(s, token{kind: 'l', text: c})
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '*', '?':
			s = append(s, token{kind: c})
		case '[':
			end := strings.IndexByte(text[i:], ']')
			if end < 2 {
				return nil, fmt.Errorf("a [ without ]")
			}
			class := text[i+1 : i+end]
			not := class[0] == '!' || class[0] == '^'
			if not {
				class = class[1:]
			}
			s = append(s, token{kind: '[', text: class, not: not})
			i += end
		case '\\':
			if i++; i < len(text) {
				literal(text[i : i+1])
			}
		default:
			literal(text[i : i+1])
		}
	}
	return s, nil
}

// MustCompile is Compile for the tables of this package, which a test compiles.
func MustCompile(pattern string) Glob {
	g, err := Compile(pattern)
	if err != nil {
		panic(err)
	}
	return g
}

// Prefix is what every path that matches begins with.
func (g Glob) Prefix() string { return g.prefix }

// Match says whether a path (no leading slash) matches.
func (g Glob) Match(name string) bool {
	_, ok := g.Submatch(name)
	return ok
}

// Submatch is Match, and what the first "*" component stood for.
func (g Glob) Submatch(name string) (first string, ok bool) {
	if !strings.HasPrefix(name, g.prefix) || !strings.Contains(name, g.need) {
		return "", false
	}
	// As with "*" in a name, only the last "**" seen needs another try: what an earlier one took was the least it could.
	parts, rest, done := g.parts, name, name == ""
	var again []part
	var from, before string // what was left, and the first "*", when the last "**" was met
	for {
		switch {
		case len(parts) == 0 && done:
			return first, true
		case len(parts) == 1 && parts[0].deep && !done:
			return first, true
		case len(parts) > 1 && parts[0].deep:
			parts = parts[1:]
			again, from, before = parts, rest, first
			continue
		case len(parts) > 0 && !parts[0].deep && !done:
			component, after, more := cut(rest)
			if parts[0].match(component) {
				if parts[0].star && first == "" {
					first = component
				}
				parts, rest, done = parts[1:], after, !more
				continue
			}
		}
		_, after, more := cut(from)
		if again == nil || !more {
			return "", false
		}
		parts, rest, from, done, first = again, after, after, false, before
	}
}

// cut is strings.Cut at the first slash; by byte it is twice as fast.
func cut(name string) (component, rest string, more bool) {
	if i := strings.IndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:], true
	}
	return name, "", false
}

func (p part) match(component string) bool {
	for _, s := range p.any {
		if s.match(component) {
			return true
		}
	}
	return false
}

// match is the usual wildcard match: after a mismatch the last "*" takes one byte more.
func (s segment) match(name string) bool {
	i, at := 0, 0
	star, from := -1, 0
	for i < len(s) || at < len(name) {
		if i < len(s) {
			if s[i].kind == '*' {
				star, from = i, at
				i++
				continue
			}
			if n := s[i].takes(name[at:]); n > 0 {
				i, at = i+1, at+n
				continue
			}
		}
		if star < 0 || from >= len(name) {
			return false
		}
		from++
		i, at = star+1, from
	}
	return true
}

// takes says how many bytes at the start of text a token stands for; 0 where it does not match.
func (t token) takes(text string) int {
	switch {
	case t.kind == 'l':
		if strings.HasPrefix(text, t.text) {
			return len(t.text)
		}
	case text == "":
	case t.kind == '?':
		return 1
	case t.in(text[0]) != t.not:
		return 1
	}
	return 0
}

// in says whether a class ("a-z_") holds a byte.
func (t token) in(c byte) bool {
	for i := 0; i < len(t.text); i++ {
		if i+2 < len(t.text) && t.text[i+1] == '-' {
			if t.text[i] <= c && c <= t.text[i+2] {
				return true
			}
			i += 2
		} else if t.text[i] == c {
			return true
		}
	}
	return false
}

// Expand puts a literal component in the place of "$1".
func Expand(pattern, first string) string {
	if !strings.Contains(pattern, "$1") {
		return pattern
	}
	quoted := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`, `}`, `\}`, `,`, `\,`).Replace(first)
	return strings.ReplaceAll(pattern, "$1", quoted)
}
