package analyzer

import (
	"fmt"
	"strings"
)

// Exercised says how much of the slim image the runs showed, as a clause: "3 of 12 kept programs ran; 9 of 14 probes got content". Evidence
// that was not recorded by probes, and plans of an older slim, have less to say.
func Exercised(plan *Plan, evidence *Evidence) string {
	var clauses []string
	if plan != nil && plan.Programs != nil && plan.Programs.Kept > 0 {
		clauses = append(clauses, fmt.Sprintf("%d of %d kept programs ran", plan.Programs.Ran, plan.Programs.Kept))
	}
	probes, content := 0, 0
	if evidence != nil {
		for i := range evidence.Runs {
			for _, answer := range evidence.Runs[i].Answers {
				probes++
				if answer.Content() {
					content++
				}
			}
		}
	}
	if probes > 0 {
		clauses = append(clauses, fmt.Sprintf("%d of %d probes got content", content, probes))
	}
	return strings.Join(clauses, "; ")
}
