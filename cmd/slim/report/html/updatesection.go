package html

import (
	"strings"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
)

// updateSection lists the packages that were brought up to date before the image was made slim.
func updateSection(r *builder.Result) section {
	s := section{ID: "update", Title: "Updated packages", Text: []string{sentence("updated " + report.UpdateClause(r.Update))}}
	t := table{Title: "Packages before and after", Columns: columns("Package", "Before", "After", "Repository", "Closed"), Wide: true}
	for i := range r.Update.Packages {
		p := &r.Update.Packages[i]
		t.Rows = append(t.Rows, []cell{filtered("pkg:", p.Name), code(p.Before), code(p.After), text(p.Repository),
			code(strings.Join(p.Closed, " "))})
	}
	s.Tables = append(s.Tables, t.cut(maxAnswers, " (report.json has all)"))
	return s
}
