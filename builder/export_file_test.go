package builder

import (
	"fmt"
	"io"
	"os"
	"testing"
)

// The output may be a pipe: --output dest=/dev/stdout, or /dev/null.
func TestCreateFileKeepsPipes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := createFile(fmt.Sprintf("/proc/self/fd/%d", w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(out, "text"); err != nil || out.Close() != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "text" {
		t.Errorf("read %q, %v", got, err)
	}
}
