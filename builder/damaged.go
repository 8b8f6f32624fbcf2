package builder

import (
	"fmt"
	"regexp"
)

// wrongDigest is how containerd's content store, BuildKit's too, refuses a blob (core/content/local, writer.Commit).
var wrongDigest = regexp.MustCompile(`unexpected commit digest (sha256:[0-9a-f]{64}), expected (sha256:[0-9a-f]{64})`)

// damaged says of a BuildKit error that the image's bytes are not what its manifest says; nil of any other.
func damaged(err error) error {
	match := wrongDigest.FindStringSubmatch(err.Error())
	if match == nil {
		return nil
	}
	return fmt.Errorf("the image is damaged: blob %s has bytes of another digest (%s): pull or save it again", match[2], match[1])
}
