package builder

import (
	"fmt"
	"regexp"
	"strings"
)

func (e *ObservationError) Error() string {
	return "the image did not run as it should: " + strings.Join(e.Failures, "; ")
}

func (e *ExerciseError) Error() string {
	return fmt.Sprintf("the image only started the %s %q, which had nothing to do: say what to exercise with --run, --exec or --probe, "+
		"or what to keep with --include-package", e.Kind, e.Command)
}

func (e *CheckError) Error() string {
	n := len(e.Result.Verdict.Differences)
	return fmt.Sprintf("the slim image does not do what the original does: %d of %d answers differ", n, e.Result.Verdict.Checked)
}

func (e *UnconnectedError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the build.
func (e *UnconnectedError) Unwrap() error { return e.Err }

func (e *StrictError) Error() string {
	return "the slim image does not run under its own profile: " + e.Reason
}

func (e *SlimmedError) Error() string {
	return fmt.Sprintf("%s was made by slim already", e.Name)
}

// wrongDigest matches the error of containerd's content store, which BuildKit uses, for a blob (core/content/local, writer.Commit).
var wrongDigest = regexp.MustCompile(`unexpected commit digest (sha256:[0-9a-f]{64}), expected (sha256:[0-9a-f]{64})`)

// corruptBlob returns the error for an image with a blob that does not have its digest, if that is the cause of a BuildKit error; else nil.
func corruptBlob(err error) error {
	match := wrongDigest.FindStringSubmatch(err.Error())
	if match == nil {
		return nil
	}
	return fmt.Errorf("the image is damaged: blob %s has bytes of another digest (%s): pull or save it again", match[2], match[1])
}
