//go:build e2e

package integration

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// An application that does not do the same as another user stays root's, and the result says why. --strict refuses to make that
// image, and so does a build with another --user.
func TestNeedsRoot(t *testing.T) {
	ref := doImage(t, "needs-root", v1.Config{}, nil, "root:")
	result, _ := built(t, ref)
	if result.Plan.User.UID != 0 || !strings.Contains(result.Plan.User.Reason, "needs root") || !strings.Contains(result.Plan.User.Reason,
		"root: false") {
		t.Errorf("user %+v, want root and what differs without", result.Plan.User)
	}
	if result.Verdict == nil || !result.Verdict.OK {
		t.Errorf("verdict %+v, want OK", result.Verdict)
	}
	refused(t, 3, "root: false", ref, "--user", "1234")
	refused(t, 3, "needs root", ref, "--strict")
}
