package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/vuln"
)

// Scanned is the summary of the scan of a build: what happened to the original's findings, the open ones, and what the scan cannot tell.
func Scanned(scan *vuln.Report) []string {
	var lines []string
	if scan.Comparison != nil {
		line := fmt.Sprintf("vulnerabilities: %s; %d open", compared(scan.Comparison), scan.Open())
		if len(scan.Incomplete) > 0 {
			line += ", of an incomplete list of packages"
		}
		lines = append(lines, line)
	}
	listed := 0
	for i := range scan.Decisions {
		d := &scan.Decisions[i]
		if !d.Open() {
			continue
		}
		if listed == maxFindings {
			lines = append(lines, fmt.Sprintf("  and %d more, listed in the report and in scan.json of --artifacts", scan.Open()-listed))
			break
		}
		lines = append(lines, fmt.Sprintf("  %s %s in %s %s: %s", d.Finding.Severity, d.Finding.ID, d.Finding.Package.Name,
			d.Finding.Package.Version, d.Text))
		listed++
	}
	return append(lines, ScanWarnings(scan)...)
}

// ScanWarnings are what a scan cannot tell, as warnings.
func ScanWarnings(scan *vuln.Report) []string {
	var lines []string
	for _, reason := range scan.Incomplete {
		lines = append(lines, "warning: the list of packages is incomplete: "+reason)
	}
	for _, ecosystem := range scan.Missing {
		lines = append(lines, "warning: the database has no records for "+ecosystem)
	}
	return append(append(lines, Shortened(scan.Notes)...), Shortened(scan.Skipped)...)
}

// Shortened is a list of warnings, cut with a line that says so.
func Shortened(warnings []string) []string {
	if len(warnings) <= maxFindings {
		return warningLines(warnings)
	}
	return append(warningLines(warnings[:maxFindings]), fmt.Sprintf("warning: and %d more; --format json lists them",
		len(warnings)-maxFindings))
}

// ScanTable is the result of slim scan as text: a line for each finding, then the counts.
func ScanTable(scan *vuln.Report) []string {
	var lines []string
	counts := map[vuln.Level]int{}
	for i := range scan.Decisions {
		d := &scan.Decisions[i]
		f := &d.Finding
		counts[f.Severity]++
		lines = append(lines, fmt.Sprintf("%-8s %4s %-19s %s %s: %s", f.Severity, score(f.Score), f.ID, f.Package.Name, f.Package.Version,
			d.Text))
	}
	if c := scan.Comparison; c != nil {
		for _, change := range c.Fixed {
			f := &change.Finding
			lines = append(lines, fmt.Sprintf("fixed         %-19s %s %s, now %s", f.ID, f.Package.Name, f.Package.Version, change.Now.Version))
		}
		lines = append(lines, compared(c))
	}
	var parts []string
	for _, level := range []vuln.Level{vuln.Critical, vuln.High, vuln.Medium, vuln.Low, vuln.None, vuln.Unknown} {
		if counts[level] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[level], level))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	known := ""
	if len(scan.Incomplete) > 0 {
		known = "; the list of packages is incomplete"
	}
	return append(lines, fmt.Sprintf("findings: %s; %d open, in %d packages%s", strings.Join(parts, ", "), scan.Open(), scan.Packages, known))
}

// compared counts the findings of the original by what happened to them.
func compared(c *vuln.Comparison) string {
	return fmt.Sprintf("%d removed with their packages, %d fixed by another version, %d remain, %d new",
		len(c.Removed), len(c.Fixed), len(c.Remaining), len(c.New))
}

func score(value float64) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", value)
}
