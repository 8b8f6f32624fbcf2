// Package printable makes text that comes from an image, a run or a registry safe to show: on a terminal, in a log, in Markdown, on a page.
//
// Everything that slim prints of such text goes through Text. Formats with marks of their own (Markdown, HTML) escape those on top of it.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s as one line in which every character is visible and in its place. It writes out as Go escapes (\n, \x1b, \u202e): bytes
// that are not UTF-8, control characters and line breaks, format characters (which include the ones that reverse the direction of text),
// spaces other than U+0020, characters that are drawn as nothing, and private and unassigned ones. It also breaks the words by which CI
// systems take a line of a log for a command (see command). Text(Text(s)) is Text(s).
func Text(s string) string {
	s = escape(s)
	return command.Replace(leading(s))
}

// Short is Text of at most the first limit bytes of s, with an ellipsis where that is not all. It bounds what a megabyte of argument vector
// costs; the result may be longer than limit by its escapes.
func Short(s string, limit int) string {
	if len(s) <= limit {
		return Text(s)
	}
	end := limit
	for end > 0 && limit-end < utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return Text(s[:end]) + "…"
}

// Lines is Text of each line of s that is not blank, joined by " | ": an error of BuildKit may hold the output of a step.
func Lines(s string) string {
	var parts []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	return Text(strings.Join(parts, " | "))
}

// command breaks what a CI system obeys anywhere in a line: "##[command]" (GitHub Actions' first form, Azure Pipelines), "##vso[" (Azure
// Pipelines), "##teamcity[" (TeamCity, at the start of a line).
var command = strings.NewReplacer("##", `#\x23`)

// leading breaks what GitHub Actions obeys at the start of a line, after spaces: "::command::" (actions/runner, ActionCommand.TryParseV2).
func leading(s string) string {
	rest := strings.TrimLeft(s, " ")
	if !strings.HasPrefix(rest, "::") {
		return s
	}
	return s[:len(s)-len(rest)] + `:\x3a` + rest[2:]
}

// visible reports whether a character shows as itself.
func visible(r rune) bool {
	switch {
	case r == ' ':
		return true
	case r == utf8.RuneError, unicode.IsSpace(r), !unicode.IsGraphic(r):
		return false
	}
	// Unicode, DerivedCoreProperties: these have no glyph, whatever their category is (Hangul fillers are letters).
	return !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func escape(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !visible(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case visible(r):
			b.WriteString(s[:n])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == utf8.RuneError && n == 1 || r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[n:]
	}
	return b.String()
}
