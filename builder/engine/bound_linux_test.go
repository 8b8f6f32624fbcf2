//go:build !frontend

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(SizeVar, "")
	if got, err := boundOf(dir); err != nil || got.build <= 0 || got.build+got.images > defaultSize || got.images*3 > got.build+4 {
		t.Errorf("boundOf() = %+v, %v, want three quarters and a quarter of at most %d", got, err, defaultSize)
	}
	t.Setenv(SizeVar, "4GB")
	if got, err := boundOf(dir); err != nil || got != (bound{3e9, 1e9}) {
		t.Errorf("boundOf() = %+v, %v, want 3 and 1 GB", got, err)
	}
	for text, want := range map[string]int64{"": 0, "1": 1, "500MB": 500e6, " 1.5 GiB ": 3 << 29, "2g": 2 << 30, "7 TB": 7e12,
		"GB": -1, "-1GB": -1, "1PB": -1, "0": -1, "x": -1, "1e30": -1, "9999999999TB": -1} {
		got, err := sizeOf(text)
		if want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
			t.Errorf("sizeOf(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

// TestAttackFillDisk imports more than the bound allows: what nobody uses goes, and nothing that another process may use.
func TestAttackFillDisk(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(SizeVar, "40kB") // 10 kB for images
	blob := func(name string, age time.Duration) string {
		file := filepath.Join(cache, "images", "blobs", "sha256", name)
		write(t, file, strings.Repeat("x", 8000))
		then := time.Now().Add(-age)
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
		return file
	}
	use := func() *Images {
		i, err := UseImages(cache)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first, second := use(), use()
	ancient, old, young := blob("a", 48*time.Hour), blob("b", time.Hour), blob("c", time.Minute)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(ancient) || !exists(old) || !exists(young) {
		t.Errorf("beside another process exist: ancient %t, old %t, young %t; want only what was used within a day", exists(ancient), exists(old),
			exists(young))
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(old) || !exists(young) {
		t.Errorf("afterwards exist: old %t, young %t; want the young one", exists(old), exists(young))
	}
}

// TestSweepPrivate removes what a killed process left, and nothing that one uses.
func TestSweepPrivate(t *testing.T) {
	parent := t.TempDir()
	root := filepath.Join(parent, "buildkit")
	first, _ := open(t, root)
	used, err := privateState(&Options{}, parent)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(parent, privatePrefix+"left")
	write(t, filepath.Join(left, "lock"), "")
	fresh := filepath.Join(parent, privatePrefix+"fresh")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	first.close()
	sweepPrivate(parent)
	if exists(left) || !exists(used.dir) || !exists(fresh) {
		t.Errorf("exist: left %t, used %t, just made %t; want those two", exists(left), exists(used.dir), exists(fresh))
	}
	if err := used.close(); err != nil || exists(used.dir) {
		t.Errorf("close() = %v, the directory exists: %t", err, exists(used.dir))
	}
}
