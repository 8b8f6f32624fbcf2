// Package keyword finds statements that begin with a keyword in the sources of programs. A regular expression without a literal prefix
// looks at each byte of a text; a Pattern searches for its keywords first and applies the expression only where one stands.
package keyword

import (
	"bytes"
	"regexp"
	"strings"
)

// maxSpan bounds the text that the expression sees, in bytes from the keyword.
const maxSpan = 16 << 10

// Pattern is a regular expression whose matches begin with one of a few keywords.
type Pattern struct {
	words [][]byte
	after func(src []byte, at int) bool // whether a match may begin at this offset
	re    *regexp.Regexp
}

// New makes a pattern. Each match of the expression begins with one of the words, which are separated by spaces and end no other word:
// what the expression describes is \b(?:expr). It panics for an invalid expression.
func New(words, expr string) Pattern { return compile(words, expr, startsWord) }

// FirstOnLine is New for statements with nothing but white space before them on their line.
func FirstOnLine(words, expr string) Pattern { return compile(words, expr, startsLine) }

// Anywhere is New for words that may stand anywhere.
func Anywhere(words, expr string) Pattern {
	return compile(words, expr, func([]byte, int) bool { return true })
}

func compile(words, expr string, after func([]byte, int) bool) Pattern {
	p := Pattern{after: after, re: regexp.MustCompile(`\A(?:` + expr + `)`)}
	for _, word := range strings.Fields(words) {
		p.words = append(p.words, []byte(word))
	}
	return p
}

// FindAll lists the matches in a text, at most limit, each with its groups as regexp.FindSubmatch has them. Matches do not overlap.
func (p Pattern) FindAll(src []byte, limit int) [][][]byte {
	var found [][][]byte
	next := make([]int, len(p.words)) // the next place of each word, len(src) for none
	for i := range next {
		next[i] = -1
	}
	for from := 0; len(found) < limit; {
		at := p.place(src, from, next)
		if at == len(src) {
			break
		}
		from = at + 1
		if !p.after(src, at) {
			continue
		}
		if match := p.re.FindSubmatch(src[at:min(at+maxSpan, len(src))]); match != nil {
			found = append(found, match)
			from = at + max(len(match[0]), 1)
		}
	}
	return found
}

// place is the first place of a word at or behind from.
func (p Pattern) place(src []byte, from int, next []int) int {
	first := len(src)
	for i, word := range p.words {
		if next[i] < from {
			next[i] = len(src)
			if at := bytes.Index(src[min(from, len(src)):], word); at >= 0 {
				next[i] = from + at
			}
		}
		first = min(first, next[i])
	}
	return first
}

func startsWord(src []byte, at int) bool { return at == 0 || !IsWord(src[at-1]) }

// IsWord is \w of a regular expression: letters, digits and the underscore of ASCII.
func IsWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// startsLine looks back over white space (\s of a regular expression) to the end of a line.
func startsLine(src []byte, at int) bool {
	for at--; at >= 0; at-- {
		switch src[at] {
		case '\n':
			return true
		case ' ', '\t', '\r', '\f':
		default:
			return false
		}
	}
	return true
}
