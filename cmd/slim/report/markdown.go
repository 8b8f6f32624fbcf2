package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// markdown collects a text in GitHub's Markdown.
type markdown struct{ strings.Builder }

func (m *markdown) line(format string, args ...any) {
	fmt.Fprintf(m, format+"\n", args...)
}

// table writes a table; "#" before a head is a column of numbers. Cells are Markdown already.
func (m *markdown) table(heads []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	rule := make([]string, len(heads))
	names := make([]string, len(heads))
	for i, head := range heads {
		name, number := strings.CutPrefix(head, "#")
		names[i], rule[i] = name, "---"
		if number {
			rule[i] = "--:"
		}
	}
	for _, row := range append([][]string{names, rule}, rows...) {
		m.line("| %s |", strings.Join(row, " | "))
	}
	m.line("")
}

// maxCell bounds one text of a summary, in characters: GitHub takes 1 MiB of a step's summary and drops more.
const maxCell = 300

// plainText is printable text without meaning in Markdown or HTML: an entity is never a mark, not in a table and not within HTML either. A
// colon before a space is harmless; any other may begin an address or an emoji.
func plainText(s string) string {
	runes := []rune(printable.Text(s))
	var b strings.Builder
	for i, r := range runes {
		if i == maxCell {
			b.WriteString("…")
			break
		}
		word := i+1 < len(runes) && runes[i+1] != ' '
		if strings.ContainsRune("&<>|\\`*_[]!#~@$", r) || r == ':' && word {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Cell is a text of an image or a database as it may stand in Markdown, in a table too.
func Cell(s string) string { return plainText(s) }

// codeText is plainText in a monospaced type.
func codeText(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + plainText(s) + "</code>"
}

// codeList is a list of names, cut after most of them.
func codeList(names []string, most int) string {
	var parts []string
	for i, name := range names {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %s more", Count(len(names)-most)))
			break
		}
		parts = append(parts, codeText(name))
	}
	return strings.Join(parts, ", ")
}
