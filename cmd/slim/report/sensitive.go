package report

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// maxPathsTold is the number of paths that one line names.
const maxPathsTold = 5

// Sensitive says which credentials and devices the slim image has and lacks, one sentence each; none where the original has none.
func Sensitive(plan *analyzer.Plan) []string {
	var kept, dropped []string
	for _, s := range plan.Sensitive {
		if s.Kept == "" {
			dropped = append(dropped, s.Path.String())
		} else {
			kept = append(kept, s.Path.String()+clause(s.Kept))
		}
	}
	var lines []string
	if len(dropped) > 0 {
		lines = append(lines, fmt.Sprintf("credentials and devices dropped, nothing is known to use them: %s; --include PATH keeps one",
			listed(dropped)))
	}
	if len(kept) > 0 {
		lines = append(lines, "credentials and devices kept: "+listed(kept))
	}
	return lines
}

func listed(names []string) string {
	if len(names) > maxPathsTold {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxPathsTold], ", "), len(names)-maxPathsTold)
	}
	return strings.Join(names, ", ")
}
