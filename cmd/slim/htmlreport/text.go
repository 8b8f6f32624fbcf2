package htmlreport

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds one text of a table, in bytes: an argument vector may be megabytes long.
const maxText = 400

// Visible is text with everything written out that would hide or reorder it: bytes that are no UTF-8, control and format characters
// (U+202E turns the direction of what follows), private and unassigned ones.
func Visible(s string) string {
	plain := func(r rune) bool {
		return r != utf8.RuneError && (r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r))
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case plain(r):
			b.WriteString(s[:n])
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

// short is visible text of bounded length.
func short(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		if r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError {
			s = s[:len(s)-n]
		}
		s += "…"
	}
	return Visible(s)
}

// Bytes prints bytes as Docker does, in powers of 1000.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

// Count prints a number with its thousands apart: "7,289".
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Smaller says by how much: "95% smaller", "the same size".
func Smaller(before, after int64) string {
	if before <= 0 {
		return ""
	}
	switch percent := 100 * float64(before-after) / float64(before); {
	case percent >= 99.5:
		return fmt.Sprintf("%.1f%% smaller", percent)
	case percent >= 0.5:
		return fmt.Sprintf("%.0f%% smaller", percent)
	case percent <= -0.5:
		return fmt.Sprintf("%.0f%% larger", -percent)
	}
	return "the same size"
}

// part is one number's share of another; nil where that says nothing.
func part(n, whole int64) *share {
	if whole <= 0 || n < 0 || n > whole {
		return nil
	}
	s := share(math.Round(float64(n)/float64(whole)*10000) / 100)
	return &s
}

func text(s string) cell   { return cell{Text: short(s)} }
func code(s string) cell   { return cell{Text: short(s), Code: true} }
func count(n int) cell     { return cell{Text: Count(n), Number: true} }
func size(n int64) cell    { return cell{Text: Bytes(n), Number: true} }
func bar(n, of int64) cell { return cell{Share: part(n, of)} }

// columns makes the heads of a table; "#" before a name is a column of numbers.
func columns(names ...string) []column {
	list := make([]column, len(names))
	for i, name := range names {
		list[i].Name, list[i].Number = strings.CutPrefix(name, "#")
	}
	return list
}

// cut bounds the rows of a table.
func (t table) cut(most int, where string) table {
	if more := len(t.Rows) - most; more > 0 {
		t.Rows, t.More = t.Rows[:most], fmt.Sprintf("and %s more%s", Count(more), where)
	}
	return t
}

// Plural is a number with its word.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}
