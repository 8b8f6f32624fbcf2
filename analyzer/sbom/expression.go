package sbom

import (
	"regexp"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// parseExpression reads an SPDX licence expression (SPDX 2.3, annex D), operators in any case, and the names of aliases as
// well. It returns the terms that all apply.
func parseExpression(text string) (terms []string, ok bool) {
	return parseTokens(&expressionParser{tokens: expressionTokens(text)})
}

// parseShortNames reads the expressions of Debian's copyright files, in which a word that is no known name is the short name of a text in
// the file: it becomes a reference.
func parseShortNames(text string) (terms []string, ok bool) {
	return parseTokens(&expressionParser{tokens: expressionTokens(text), names: true})
}

func parseTokens(p *expressionParser) (terms []string, ok bool) {
	parts, ok := p.any(0)
	if !ok || len(p.tokens) > 0 {
		return nil, false
	}
	return addTerms(nil, parts), true
}

// isExpression reports whether a term is an SPDX expression.
func isExpression(term string) bool {
	_, ok := parseExpression(term)
	return ok
}

// commaAnd and commaOr are operators that bind less than others: "A or B, and C" (copyright-format 1.0, "Syntax").
var commaAnd, commaOr = regexp.MustCompile(`(?i),\s*and\s`), regexp.MustCompile(`(?i),\s*or\s`)

// expressionTokens splits text into parentheses, operators and names; a name may have several words.
func expressionTokens(text string) []string {
	switch and, or := commaAnd.MatchString(text), commaOr.MatchString(text); {
	case and && !or:
		text = "(" + commaAnd.ReplaceAllString(text, ") and (") + ")"
	case or && !and:
		text = "(" + commaOr.ReplaceAllString(text, ") or (") + ")"
	}
	text = strings.NewReplacer("(", " ( ", ")", " ) ", ",", " and ").Replace(text)
	var tokens, words []string
	flush := func() {
		if len(words) > 0 {
			tokens, words = append(tokens, strings.Join(words, " ")), nil
		}
	}
	for _, word := range strings.Fields(text) {
		switch upper := strings.ToUpper(word); upper {
		case "(", ")", "AND", "OR", "WITH":
			flush()
			tokens = append(tokens, upper)
		default:
			words = append(words, word)
		}
	}
	flush()
	return tokens
}

type expressionParser struct {
	tokens []string
	names  bool // an unknown word is a name, too
}

// accept takes the next token when it is the one wanted.
func (p *expressionParser) accept(token string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == token {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

// any reads alternatives. The parts it returns all apply; alternatives are one part.
func (p *expressionParser) any(depth int) ([]string, bool) {
	first, ok := p.all(depth)
	if !ok {
		return nil, false
	}
	choices := []string{joinAll(first)}
	for p.accept("OR") {
		next, ok := p.all(depth)
		if !ok {
			return nil, false
		}
		choices = addTerms(choices, []string{joinAll(next)})
	}
	if len(choices) == 1 {
		return first, true
	}
	return []string{strings.Join(choices, " OR ")}, true
}

func (p *expressionParser) all(depth int) ([]string, bool) {
	parts, ok := p.one(depth)
	for ok && p.accept("AND") {
		var next []string
		next, ok = p.one(depth)
		parts = append(parts, next...)
	}
	return parts, ok
}

func (p *expressionParser) one(depth int) ([]string, bool) {
	if p.accept("(") {
		if depth == maxNesting {
			return nil, false
		}
		inner, ok := p.any(depth + 1)
		return inner, ok && p.accept(")")
	}
	if len(p.tokens) == 0 {
		return nil, false
	}
	name := p.tokens[0]
	p.tokens = p.tokens[1:]
	id, ok := licenseID(name)
	switch {
	case ok:
	case isLicenseRef(name):
		id, ok = name, true
	case p.names && name != ")" && !strings.Contains(name, " ") && !isOperator(name):
		id, ok = licenseRef+refSafe(name), true
	}
	if !ok {
		return nil, false
	}
	if !p.accept("WITH") {
		return []string{id}, true
	}
	if len(p.tokens) == 0 {
		return nil, false
	}
	exception, ok := exceptionID(p.tokens[0])
	if ok {
		id += " WITH " + exception
	} else if ok = p.names && !isOperator(p.tokens[0]); ok {
		id = licenseRef + refSafe(name+" with "+p.tokens[0])
	}
	p.tokens = p.tokens[1:]
	return []string{id}, ok
}

// exceptionID is the identifier of an exception. Debian writes it in two words: "Linux-syscall-note exception", "Texinfo exception".
func exceptionID(name string) (id string, ok bool) {
	name = strings.TrimSuffix(strings.ToLower(name), " exception")
	for _, form := range []string{name, name + "-exception"} {
		if ok, id = spdxlicenses.IsException(form); ok {
			return id, true
		}
	}
	return "", false
}

func isOperator(token string) bool {
	return token == "(" || token == ")" || token == "AND" || token == "OR" || token == "WITH"
}

// joinAll is one expression of terms that all apply.
func joinAll(terms []string) string {
	parts := make([]string, len(terms))
	for i, term := range terms {
		parts[i] = term
		if len(terms) > 1 && strings.Contains(term, " OR ") {
			parts[i] = "(" + term + ")"
		}
	}
	return strings.Join(parts, " AND ")
}

const licenseRef = "LicenseRef-"

// isLicenseRef reports whether a name is a reference in an SPDX document (annex D, license-ref).
func isLicenseRef(name string) bool {
	return strings.HasPrefix(name, licenseRef) && len(name) > len(licenseRef) && name == licenseRef+refSafe(name[len(licenseRef):])
}

// refSafe replaces what an SPDX identifier may not have: all but letters, digits, "." and "-".
func refSafe(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, name)
	return safe
}

// asExpression is one SPDX expression of terms; names that are not expressions become references, which refs collects with
// their names (refs may be nil). It is "" without terms.
func asExpression(terms []string, refs map[string]string) string {
	var parts []string
	for _, term := range terms {
		if _, ok := parseExpression(term); ok {
			if refs != nil {
				for _, word := range strings.FieldsFunc(term, func(r rune) bool { return strings.ContainsRune(" ()", r) }) {
					if isLicenseRef(word) {
						refs[word] = word
					}
				}
			}
			parts = append(parts, term)
			continue
		}
		ref := licenseRef + refSafe(term)
		if refs != nil {
			if old, taken := refs[ref]; !taken || old == ref {
				refs[ref] = term
			}
		}
		parts = append(parts, ref)
	}
	return joinAll(addTerms(nil, parts))
}
