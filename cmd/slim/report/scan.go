package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/vuln"
)

// Scanned is the summary of the scan of a build: how many findings were decided in which way, the open ones, and what the scan cannot tell.
func Scanned(scan *vuln.Report) []string {
	var lines []string
	if scan.Comparison != nil {
		lines = append(lines, "vulnerabilities: "+Decided(scan))
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
		lines = append(lines, "  "+scanRow(d))
		listed++
	}
	return append(lines, ScanWarnings(scan)...)
}

// scanRow is a finding and the decision on it as a row of a table.
func scanRow(d *vuln.Decision) string {
	f, state := &d.Finding, d.State
	if d.Open() {
		state = vuln.StateOpen
	}
	return fmt.Sprintf("%-12s %-8s %4s  %-19s %s %s: %s", state, f.Severity, score(f.Score), f.ID, f.Package.Name, f.Package.Version, d.Text)
}

// Decided is how many findings were decided in which way, as a clause.
func Decided(scan *vuln.Report) string {
	var parts []string
	for _, state := range vuln.States {
		past := state == vuln.StateRemoved || state == vuln.StateUpdated
		if past && scan.Comparison == nil {
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", scan.Count(state), state))
	}
	clause := strings.Join(parts, ", ")
	if c := scan.Comparison; c != nil && len(c.New) > 0 {
		clause += fmt.Sprintf("; %s not in the original", Plural(len(c.New), "is", "are"))
	}
	if len(scan.Incomplete) > 0 {
		clause += "; the list of packages is incomplete"
	}
	return clause
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

// ScanTable is the result of slim scan as text: a line for each finding but those of removed packages, then the counts.
func ScanTable(scan *vuln.Report) []string {
	var lines []string
	counts := map[vuln.Level]int{}
	for _, d := range scan.All() {
		if d.Present() {
			counts[d.Finding.Severity]++
		}
		if d.State != vuln.StateRemoved {
			lines = append(lines, scanRow(&d))
		}
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
	return append(lines, fmt.Sprintf("findings in %d packages: %s; %s", scan.Packages, strings.Join(parts, ", "), Decided(scan)))
}

func score(value float64) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", value)
}
