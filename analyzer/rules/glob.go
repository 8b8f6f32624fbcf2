package rules

import (
	"fmt"
	"regexp"
	"strings"
)

// Glob is a compiled pattern.
type Glob struct {
	prefix string // every match begins with it
	re     *regexp.Regexp
}

// Compile reads a pattern; see the package comment. A leading slash is dropped.
func Compile(pattern string) (Glob, error) {
	text := strings.TrimPrefix(pattern, "/")
	if text == "" || len(text) > 4096 {
		return Glob{}, fmt.Errorf("pattern %q is empty or too long", pattern)
	}
	var expr strings.Builder
	expr.WriteString(`^`)
	parts := strings.Split(text, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == "**" && last:
			expr.WriteString(`.+`)
		case part == "**":
			expr.WriteString(`(?:[^/]+/)*`)
		case part == "*":
			expr.WriteString(`([^/]+)`)
		default:
			if err := component(&expr, part); err != nil {
				return Glob{}, fmt.Errorf("pattern %q: %w", pattern, err)
			}
		}
		if !last && part != "**" {
			expr.WriteString(`/`)
		}
	}
	expr.WriteString(`$`)
	re, err := regexp.Compile(`(?s)` + expr.String())
	if err != nil {
		return Glob{}, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	prefix := text
	if i := strings.IndexAny(text, `*?[{\`); i >= 0 {
		prefix = text[:i]
	}
	return Glob{prefix: prefix, re: re}, nil
}

// component writes one component of a pattern as an expression.
func component(expr *strings.Builder, part string) error {
	depth := 0
	for i := 0; i < len(part); i++ {
		switch c := part[i]; c {
		case '*':
			expr.WriteString(`[^/]*`)
		case '?':
			expr.WriteString(`[^/]`)
		case '[':
			end := strings.IndexByte(part[i:], ']')
			if end < 2 {
				return fmt.Errorf("a [ without ]")
			}
			class := part[i+1 : i+end]
			if class[0] == '!' || class[0] == '^' {
				expr.WriteString(`[^/` + regexp.QuoteMeta(class[1:]) + `]`)
			} else {
				expr.WriteString(`[` + strings.ReplaceAll(regexp.QuoteMeta(class), `\-`, `-`) + `]`)
			}
			i += end
		case '{':
			depth++
			expr.WriteString(`(?:`)
		case '}':
			if depth == 0 {
				return fmt.Errorf("a } without {")
			}
			depth--
			expr.WriteString(`)`)
		case ',':
			if depth > 0 {
				expr.WriteString(`|`)
			} else {
				expr.WriteString(`,`)
			}
		case '\\':
			if i++; i < len(part) {
				expr.WriteString(regexp.QuoteMeta(part[i : i+1]))
			}
		default:
			expr.WriteString(regexp.QuoteMeta(part[i : i+1]))
		}
	}
	if depth != 0 {
		return fmt.Errorf("a { without }")
	}
	return nil
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
	return strings.HasPrefix(name, g.prefix) && g.re.MatchString(name)
}

// Submatch is Match, and what the first "*" component stood for.
func (g Glob) Submatch(name string) (first string, ok bool) {
	if !strings.HasPrefix(name, g.prefix) {
		return "", false
	}
	m := g.re.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	if len(m) > 1 {
		first = m[1]
	}
	return first, true
}

// Expand puts a literal component in the place of "$1".
func Expand(pattern, first string) string {
	if !strings.Contains(pattern, "$1") {
		return pattern
	}
	quoted := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`, `}`, `\}`).Replace(first)
	return strings.ReplaceAll(pattern, "$1", quoted)
}
