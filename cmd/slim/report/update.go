package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
)

// Updated is what an update did as lines of a summary: how many packages, then each before and after; none where no update was asked for.
func Updated(u *builder.Updated) []string {
	if u == nil {
		return nil
	}
	lines := []string{"updated: " + UpdateClause(u)}
	if u.Note != "" {
		lines = append(lines, "  "+printable.Text(u.Note))
	}
	for i := range u.Packages {
		if i == maxListed {
			lines = append(lines, fmt.Sprintf("  and %d more, listed in the report", len(u.Packages)-i))
			break
		}
		p := &u.Packages[i]
		line := fmt.Sprintf("  %s %s -> %s (%s)", p.Name, p.Before, p.After, p.Repository)
		if len(p.Closed) > 0 {
			line += ": closes " + strings.Join(p.Closed, ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// UpdateClause is how many packages were updated, and how many vulnerabilities that ended.
func UpdateClause(u *builder.Updated) string {
	if u.Manager == "" {
		return fmt.Sprintf("nothing, none of the packages that are kept is one to update (%s)", u.Mode)
	}
	if len(u.Packages) == 0 {
		return fmt.Sprintf("nothing, the packages that are kept are up to date (%s)", u.Mode)
	}
	closed := map[string]bool{}
	for i := range u.Packages {
		for _, id := range u.Packages[i].Closed {
			closed[id] = true
		}
	}
	clause := fmt.Sprintf("%s with %s (%s)", Plural(len(u.Packages), "package", "packages"), u.Manager, u.Mode)
	if len(closed) > 0 {
		clause += ", which closes " + Plural(len(closed), "vulnerability", "vulnerabilities")
	}
	return clause
}

// updated is a table of the updated packages.
func (m *markdown) updated(u *builder.Updated) {
	if u == nil {
		return
	}
	m.line("- Updated %s\n", plainText(UpdateClause(u)))
	if u.Note != "" {
		m.line("- %s\n", plainText(u.Note))
	}
	var rows [][]string
	for i := range u.Packages {
		p := &u.Packages[i]
		rows = append(rows, []string{codeText(p.Name), codeText(p.Before), codeText(p.After), plainText(p.Repository), codeList(p.Closed,
			maxFindings)})
	}
	if more := len(rows) - maxListed; more > 0 {
		rows = append(rows[:maxListed], []string{fmt.Sprintf("and %d more", more), "", "", "", ""})
	}
	m.table([]string{"Package", "Before", "After", "Repository", "Closed"}, rows)
}
