package trace

import (
	"os"
	"path"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWalkerAsTheKernel compares the walker with stat(2) and lstat(2).
func TestWalkerAsTheKernel(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(path.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "file", "here": ".", "dot": "file/.", "loop": "loop"} {
		if err := os.Symlink(target, path.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{".", "..", "file", "file/", "file/.", "file/x", "link", "link/.", "here", "here/", "here/.", "here/file", "dot", "loop",
		"none", "none/x"}
	for _, name := range names {
		for _, follow := range []bool{true, false} {
			stat, call := unix.Stat_t{}, unix.Lstat
			if follow {
				call = unix.Stat
			}
			want, got := call(dir+"/"+name, &stat), newWalker().resolve("/", dir, name, follow)
			if (want != nil) != got.missing || want != nil && got.errno != want || (got.mode^stat.Mode)&unix.S_IFMT != 0 {
				t.Errorf("resolve(%q, %v) = %+v, the kernel: mode %o, %v", name, follow, got, stat.Mode, want)
			}
		}
	}
}
