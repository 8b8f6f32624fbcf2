package html

import (
	"fmt"
	"math"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/cmd/slim/report"
)

// maxText bounds one text of a table, in bytes: an argument vector may be megabytes long.
const maxText = 400

// short is printable text of bounded length.
func short(s string) string { return printable.Short(s, maxText) }

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
func count(n int) cell     { return cell{Text: report.Count(n), Number: true} }
func size(n int64) cell    { return cell{Text: report.Bytes(n), Number: true} }
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
		t.Rows, t.More = t.Rows[:most], fmt.Sprintf("and %s more%s", report.Count(more), where)
	}
	return t
}
