package layers

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `# a comment
dir var/spool
symlink bin -> usr/bin
hardlink usr/bin/vi usr/bin/vim
mode usr/bin/vim 4755
owner var/spool 33:34
-- usr/bin/vim --
editor
-- etc/passwd --
root:x:0:0
`

func tree(t testing.TB, archive string) *Index {
	t.Helper()
	root, err := TreeFromTxtar([]byte(archive))
	if err != nil {
		t.Fatal(err)
	}
	return root.(*Index)
}

func TestTreeFromTxtar(t *testing.T) {
	root := tree(t, sample)
	want := strings.TrimSpace(`
/ drwxr-xr-x 0:0
/bin Lrwxrwxrwx 0:0 -> usr/bin
/etc drwxr-xr-x 0:0
/etc/passwd -rw-r--r-- 0:0 11
/usr drwxr-xr-x 0:0
/usr/bin drwxr-xr-x 0:0
/usr/bin/vi urwxr-xr-x 0:0 7 x2
/usr/bin/vim urwxr-xr-x 0:0 7 x2
/var drwxr-xr-x 0:0
/var/spool drwxr-xr-x 33:34`)
	if diff := cmp.Diff(want, lines(root)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
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
		t.Error("a directory was read as a file")
	}
}

func TestTreeFromTxtarRefuses(t *testing.T) {
	for _, bad := range []string{"symlink a b\n", "mode a 755\n", "hardlink a b\n", "owner\n", "what a\n", "mode . 99\n"} {
		if _, err := TreeFromTxtar([]byte(bad)); err == nil {
			t.Errorf("TreeFromTxtar(%q) has no error", bad)
		}
	}
}
