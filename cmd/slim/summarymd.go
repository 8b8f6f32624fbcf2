package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/htmlreport"
)

func summaryFlags() []cli.Flag {
	return []cli.Flag{
		text(groupReport, "summary", "append a summary in Markdown to FILE, such as $GITHUB_STEP_SUMMARY"),
		text(groupReport, "compare", "REPORT of an earlier build (--report): the summary says what changed since"),
	}
}

// jobSummary is where a summary in Markdown goes; nil is nowhere.
type jobSummary struct {
	file  string
	image string
	last  *builder.Result // of --compare, nil without
}

// openSummary reads the flags: what is wrong with them is said before anything is built.
func (p *program) openSummary(c *cli.Context) (*jobSummary, error) {
	s := &jobSummary{file: c.String("summary"), image: c.Args().First()}
	old := c.String("compare")
	switch {
	case s.file == "-":
		return nil, usagef("pass --summary FILE; stdout carries the names of the image", "--summary needs a file")
	case s.file == "" && old != "":
		return nil, usagef("pass --summary FILE too: it says what changed", "--compare needs --summary")
	case s.file == "":
		return nil, nil
	case old == "":
		return s, nil
	}
	var err error
	if s.last, err = p.readResult(old); err != nil {
		return nil, fmt.Errorf("--compare: %w", err)
	}
	return s, nil
}

// write appends the summary of a build that gave result, which may be nil, or failed with an error.
func (s *jobSummary) write(result *builder.Result, failure error) (err error) {
	if s == nil {
		return nil
	}
	f, err := os.OpenFile(s.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		var found *htmlreport.Findings
		if result != nil {
			found = htmlreport.FindingsOf(result.Scan)
		}
		_, err = f.WriteString(summaryOf(s.image, result, failure, s.last, found))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("--summary: %w", err)
	}
	return nil
}

// summaryOf is the summary of a build in Markdown. Result is nil where nothing was built, last and findings where nothing is known of them.
func summaryOf(image string, result *builder.Result, failure error, last *builder.Result, findings *htmlreport.Findings) string {
	m := &markdown{}
	m.line("### slim: %s\n", codeText(image))
	if failure != nil {
		m.line("❌ **Failed:** %s\n", plainText(failure.Error()))
	}
	if result == nil || result.Plan == nil {
		return m.String()
	}
	if failure == nil {
		m.line("%s\n", checkLine(result))
	}
	m.table([]string{"", "#Before", "#After", ""}, figures(result, findings))
	for _, line := range htmlreport.CheckText(result) {
		m.line("- %s", plainText(line))
	}
	for _, run := range runs(result.Evidence) {
		m.line("- Ran %s", plainText(run))
	}
	for i, warning := range htmlreport.Warnings(result) {
		if i == maxListed {
			break
		}
		m.line("- ⚠️ %s", plainText(warning))
	}
	m.line("")
	m.differences(result.Verdict)
	m.reasons(result)
	if last != nil {
		m.since(last, result)
	}
	return m.String()
}

// checkLine is the outcome in one line, with a mark.
func checkLine(result *builder.Result) string {
	v := result.Verdict
	switch {
	case v == nil:
		return "⚠️ **Not checked**" + plainText(clause(result.Unchecked))
	case !v.OK:
		return fmt.Sprintf("❌ **%d of %d answers differ from the original's**", len(v.Differences), v.Checked)
	case !v.Confined:
		return fmt.Sprintf("⚠️ **%s like the original's**, but not under its own profile", answers(v.Checked))
	case len(v.Volatile) > 0:
		return fmt.Sprintf("✅ **%s like the original's** (%d vary by themselves)", answers(v.Checked), len(v.Volatile))
	}
	return fmt.Sprintf("✅ **%s like the original's**", answers(v.Checked))
}

func answers(n int) string { return htmlreport.Plural(n, "answer", "answers") }

// figures are the rows of before and after.
func figures(result *builder.Result, findings *htmlreport.Findings) [][]string {
	before, after := result.Plan.Before, result.Plan.After
	rows := [][]string{
		{"Size", megabytes(before.Bytes), megabytes(after.Bytes), htmlreport.Smaller(before.Bytes, after.Bytes)},
		{"Files", htmlreport.Count(before.Files), htmlreport.Count(after.Files), ""},
		{"User", "", numericUser(result.Plan.User), plainText(result.Plan.User.Reason)},
	}
	if findings != nil {
		had, has, open := findings.Counts()
		rows = append(rows, []string{"Vulnerabilities", htmlreport.Count(had), htmlreport.Count(has), fmt.Sprintf("%d open; left: %s", open, findings.Left())})
	}
	return rows
}

// differences lists answers that are not the original's.
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

// reasons says what most bytes are kept for.
func (m *markdown) reasons(result *builder.Result) {
	sizes := analyzer.SizesOf(result.Plan)
	var rows [][]string
	for _, size := range sizes.Reasons[:min(most, len(sizes.Reasons))] {
		rows = append(rows, []string{plainText(size.Name), htmlreport.Count(size.Files), megabytes(size.Bytes)})
	}
	if len(rows) > 0 {
		m.line("<details><summary>Why it is kept</summary>\n")
		m.table([]string{"Reason", "#Files", "#Bytes"}, rows)
		m.line("</details>\n")
	}
}

// since says what changed since an earlier build.
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
