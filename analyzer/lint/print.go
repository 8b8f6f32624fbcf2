package lint

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// maxPrinted is the number of findings of a rule that are printed; the JSON form has more.
const maxPrinted = 10

// Print writes the report as text: findings by rule, the worst first, then the checklist, then the counts.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	for _, result := range r.failed() {
		fmt.Fprintf(&b, "%-7s  %s: %s%s\n", result.worst(), result.ID, result.Title, alsoKnown(result.Same))
		for i, f := range result.Findings {
			if i == maxPrinted {
				break
			}
			fmt.Fprintf(&b, "    %s: %s\n", printable.Text(f.place()), printable.Text(f.Message))
		}
		if hidden := len(result.Findings) - maxPrinted + result.More; hidden > 0 && len(result.Findings) >= maxPrinted {
			fmt.Fprintf(&b, "    and %d more\n", hidden)
		}
		fmt.Fprintf(&b, "    -> %s\n", printable.Text(result.Findings[0].Next))
	}
	b.WriteString("checklist:\n")
	statuses := map[Status]int{}
	for _, item := range r.Items {
		statuses[item.Status]++
		fmt.Fprintf(&b, "  %-14s  %-3s  %s%s\n", item.Status, item.ID, item.Title, r.because(item))
	}
	fmt.Fprintf(&b, "items: %d failed, %d passed, %d partly checked, %d not checked\n", statuses[Failed], statuses[Passed], statuses[Partly],
		statuses[NotChecked])
	fmt.Fprintf(&b, "findings: %d errors, %d warnings, %d notes\n", r.Counts[Error], r.Counts[Warning], r.Counts[Note])
	_, err := io.WriteString(w, b.String())
	return err
}

// failed lists the results with findings, the worst first.
func (r *Report) failed() []Result {
	list := slices.DeleteFunc(slices.Clone(r.Results), func(result Result) bool { return len(result.Findings) == 0 })
	slices.SortStableFunc(list, func(a, b Result) int { return cmp.Compare(b.worst().Rank(), a.worst().Rank()) })
	return list
}

// worst is the level of the first finding: they are sorted.
func (r *Result) worst() Level { return r.Findings[0].Level }

func alsoKnown(same []string) string {
	if len(same) == 0 {
		return ""
	}
	return " (" + strings.Join(same, ", ") + ")"
}

// because names the rules that an item failed, or the part of it that was not checked.
func (r *Report) because(item ItemResult) string {
	var failed []string
	for _, result := range r.Results {
		if result.Item == item.ID && result.Status == Failed {
			failed = append(failed, result.ID)
		}
	}
	switch {
	case len(failed) > 0:
		return ": " + strings.Join(failed, ", ")
	case item.Status != Passed && item.Reason != "":
		return ": " + printable.Text(item.Reason)
	}
	return ""
}
