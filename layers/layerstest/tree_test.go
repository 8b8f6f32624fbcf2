package layerstest_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/layers/layerstest"
)

const sample = `# a comment
dir var/spool
symlink bin -> usr/bin
hardlink usr/bin/vi usr/bin/vim
mode usr/bin/vi 4755
mode usr 700
owner var/spool 33:34
capability usr/bin/vim raw
-- usr/bin/vim --
editor
-- etc/passwd --
root:x:0:0
`

func TestTreeFromTxtar(t *testing.T) {
	root, err := layerstest.TreeFromTxtar([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(`
/ drwxr-xr-x 0:0 x1
/bin Lrwxrwxrwx 0:0 x1 -> usr/bin
/etc drwxr-xr-x 0:0 x1
/etc/passwd -rw-r--r-- 0:0 x1
/usr drwx------ 0:0 x1
/usr/bin drwxr-xr-x 0:0 x1
/usr/bin/vi urwxr-xr-x 0:0 x2 raw
/usr/bin/vim urwxr-xr-x 0:0 x2 raw
/var drwxr-xr-x 0:0 x1
/var/spool drwxr-xr-x 33:34 x1`)
	var got []string
	for _, e := range root.Entries() {
		line := fmt.Sprintf("%s %v %d:%d x%d %s", e.Path, e.Mode, e.UID, e.GID, e.Nlink, e.Capability)
		if e.Link != "" {
			line += "-> " + e.Link
		}
		got = append(got, strings.TrimSpace(line))
	}
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Errorf("TreeFromTxtar (-want +got):\n%s", diff)
	}
	data, err := fs.ReadFile(root, "bin/vi")
	if err != nil || string(data) != "editor\n" {
		t.Errorf("ReadFile(bin/vi) = %q, %v", data, err)
	}
	entries, err := fs.ReadDir(root, "bin")
	if err != nil || len(entries) != 2 {
		t.Errorf("ReadDir(bin) = %v, %v", entries, err)
	}
	if _, err := fs.ReadFile(root, "usr"); err == nil {
		t.Error("ReadFile(usr) = nil, want an error: usr is a directory")
	}
}

func TestTreeFromTxtarRefuses(t *testing.T) {
	for _, bad := range []string{
		"symlink a b\n", "mode a 755\n", "hardlink a b\n", "owner\n", "what a\n", "what . 1\n", "mode . 99\n", "file a/.wh.b\n",
	} {
		if _, err := layerstest.TreeFromTxtar([]byte(bad)); err == nil {
			t.Errorf("TreeFromTxtar(%q) has no error", bad)
		}
	}
}
