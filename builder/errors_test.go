package builder

import (
	"errors"
	"strings"
	"testing"
)

func TestCorruptBlob(t *testing.T) {
	good, bad := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	err := errors.New(`failed to compute cache key: failed commit on ref "layer-` + good + `": unexpected commit digest ` + bad +
		`, expected ` + good + `: failed precondition`)
	want := "the image is damaged: blob " + good + " has bytes of another digest (" + bad + "): pull or save it again"
	if got := corruptBlob(err); got == nil || got.Error() != want {
		t.Errorf("corruptBlob(%v) = %v, want %s", err, got, want)
	}
	if got := corruptBlob(errors.New("unexpected EOF")); got != nil {
		t.Errorf("corruptBlob(unexpected EOF) = %v, want none", got)
	}
}
