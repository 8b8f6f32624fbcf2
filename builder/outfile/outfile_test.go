package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The output may be a pipe: --output dest=/dev/stdout, or /dev/null.
func TestCreateKeepsPipes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := Create(fmt.Sprintf("/proc/self/fd/%d", w.Fd()))
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

// A failed write leaves the old file and nothing beside it.
func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	failed := errors.New("disk full")
	for _, test := range []struct {
		text string
		err  error
		want string
	}{{"first", nil, "first"}, {"second", failed, "first"}, {"third", nil, "third"}} {
		err := Write(name, func(w io.Writer) error {
			_, err := io.WriteString(w, test.text)
			return errors.Join(err, test.err)
		})
		got, readErr := os.ReadFile(name)
		if !errors.Is(err, test.err) || readErr != nil || string(got) != test.want {
			t.Errorf("Write(%q) = %v; the file has %q, %v, want %v and %q", test.text, err, got, readErr, test.err, test.want)
		}
		if files, err := os.ReadDir(filepath.Dir(name)); err != nil || len(files) != 1 {
			t.Errorf("files after Write(%q) = %v, %v, want one", test.text, files, err)
		}
	}
}
