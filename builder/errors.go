package builder

import (
	"fmt"
	"strings"
)

func (e *ObservationError) Error() string {
	return "the image did not run as it should: " + strings.Join(e.Failures, "; ")
}

func (e *CheckError) Error() string {
	n := len(e.Result.Verdict.Differences)
	return fmt.Sprintf("the slim image does not do what the original does: %d of %d answers differ", n, e.Result.Verdict.Checked)
}

func (e *StrictError) Error() string {
	return "the slim image does not run under its own profile: " + e.Reason
}

func (e *SlimmedError) Error() string {
	return fmt.Sprintf("%s was made by slim already", e.Name)
}
