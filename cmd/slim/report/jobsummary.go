package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
)

// Job is a build as a job summary shows it.
type Job struct {
	Image   string          // as the command line names it
	Result  *builder.Result // nil where nothing was built
	Failure error           // nil where the build succeeded
	Last    *builder.Result // an earlier build to compare with, nil without one
}

// Markdown is the job summary of a build, in GitHub's Markdown. All text of the image is escaped: it adds no markup, no row and no line.
func Markdown(job Job) string {
	m, r := &markdown{}, job.Result
	m.line("### slim: %s\n", codeText(job.Image))
	if job.Failure != nil {
		m.line("❌ **Failed:** %s\n", plainText(printable.Lines(job.Failure.Error())))
	}
	if r == nil || r.Plan == nil {
		return m.String()
	}
	if job.Failure == nil {
		m.line("%s\n", checkMark(r))
	}
	m.table([]string{"", "#Before", "#After", ""}, figures(r, FindingsOf(r.Scan, r.Plan)))
	m.updated(r.Update)
	m.findings(FindingsOf(r.Scan, r.Plan))
	m.facts(r)
	m.differences(r.Verdict)
	m.reasons(r)
	if job.Last != nil {
		m.since(job.Last, r)
	}
	return m.String()
}

// facts lists how the check was made, the runs and the warnings.
func (m *markdown) facts(r *builder.Result) {
	for _, sentence := range CheckOf(r).Sentences() {
		m.line("- %s", plainText(sentence))
	}
	for _, run := range Runs(r.Evidence) {
		m.line("- Ran %s", plainText(run))
	}
	for _, sentence := range Sensitive(r.Plan) {
		m.line("- %s", plainText(sentence))
	}
	warnings := Warnings(r)
	for _, warning := range warnings[:min(maxListed, len(warnings))] {
		m.line("- ⚠️ %s", plainText(warning))
	}
	if more := len(warnings) - maxListed; more > 0 {
		m.line("- ⚠️ and %d more warnings", more)
	}
	m.line("")
}

// marks show a state in a summary.
var marks = map[State]string{Good: "✅", Fair: "⚠️", Bad: "❌"}

// checkMark is the outcome of the check in one line, with a mark.
func checkMark(r *builder.Result) string {
	c := CheckOf(r)
	line := fmt.Sprintf("%s **%s**", marks[c.State], plainText(strings.ToUpper(c.Short[:1])+c.Short[1:]))
	if c.Outcome != "" {
		line += ": " + plainText(c.Outcome)
	}
	if c.State == Fair && r.Verdict != nil {
		line += ", but not under its own profile"
	}
	return line
}

// figures are the rows of before and after.
func figures(result *builder.Result, findings *Findings) [][]string {
	before, after := result.Before(), result.Plan.After
	rows := [][]string{
		{"Size", Bytes(before.Bytes), Bytes(after.Bytes), Smaller(before.Bytes, after.Bytes)},
		{"Files", Count(before.Files), Count(after.Files), ""},
		{"User", "", User(result.Plan.User), plainText(result.Plan.User.Reason)},
	}
	if findings != nil {
		had, has, _ := findings.Counts()
		left := fmt.Sprintf("%s; left: %s", Decided(result.Scan), findings.Left())
		if len(findings.Incomplete) > 0 {
			left += " ⚠️"
		}
		rows = append(rows, []string{"Vulnerabilities", Count(had), Count(has), left})
	}
	return rows
}

// findings lists the open ones.
func (m *markdown) findings(findings *Findings) {
	if findings == nil {
		return
	}
	var rows [][]string
	_, _, open := findings.Counts()
	for _, f := range findings.Sorted()[:min(open, maxListed)] { // the open ones are first
		rows = append(rows, []string{plainText(f.Severity), codeText(f.ID), codeText(f.Package + " " + f.Version), plainText(f.Text),
			plainText(f.Kept)})
	}
	if more := open - maxListed; more > 0 {
		rows = append(rows, []string{fmt.Sprintf("and %d more", more), "", "", "", ""})
	}
	m.table([]string{"Open", "Vulnerability", "Package", "What to do", "Kept because"}, rows)
}

// differences lists the answers that differ from the original's.
func (m *markdown) differences(verdict *analyzer.Verdict) {
	if verdict == nil {
		return
	}
	var rows [][]string
	for i, d := range verdict.Differences {
		if i == maxListed {
			rows = append(rows, []string{fmt.Sprintf("and %d more", len(verdict.Differences)-i), "", "", "", ""})
			break
		}
		rows = append(rows, []string{plainText(d.Run), codeText(d.Probe), plainText(d.What), codeText(d.Want), codeText(d.Got)})
	}
	m.table([]string{"Run", "Probe", "What", "Was", "Is"}, rows)
}

// reasons lists the reasons that keep the most bytes.
func (m *markdown) reasons(result *builder.Result) {
	sizes := analyzer.SizesOf(result.Plan)
	var rows [][]string
	for _, size := range sizes.Reasons[:min(maxSizes, len(sizes.Reasons))] {
		rows = append(rows, []string{plainText(size.Name), Count(size.Files), Bytes(size.Bytes)})
	}
	if len(rows) > 0 {
		m.line("<details><summary>Why it is kept</summary>\n")
		m.table([]string{"Reason", "#Files", "#Bytes"}, rows)
		m.line("</details>\n")
	}
}

// since lists what changed since an earlier build.
func (m *markdown) since(last, now *builder.Result) {
	rows := changesSince(last, now)
	m.line("#### Since the last build\n")
	if len(rows) == 0 {
		m.line("Nothing changed.\n")
		return
	}
	m.table([]string{"", "Last build", "This build"}, rows)
	lists := strings.Join(listsSince(last, now), "\n")
	if lists != "" {
		m.line("%s\n", lists)
	}
}
