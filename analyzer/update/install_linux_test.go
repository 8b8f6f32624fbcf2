package update

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// installer is a package manager that changes a root filesystem.
type installer struct {
	*fake
	root  string
	after []Installed
}

func (i *installer) Leftovers() Leftovers {
	return Leftovers{Remove: []string{"cache/*", "db-old"}, Restore: []string{"log/*"}}
}

func (i *installer) Install(context.Context, []string) error {
	i.installed = i.after
	past := time.Unix(1_600_000_000, 0)
	for name, text := range map[string]string{"lib": "new", "db": "lib 3", "db-old": "lib 1", "cache/index": "x", "log/old": "more",
		"log/new": "x"} {
		full := filepath.Join(i.root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.Chtimes(filepath.Join(i.root, "lib"), past, past) // as in the package
}

func TestInstall(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	old := time.Unix(1_500_000_000, 0)
	for name, text := range map[string]string{"lib": "old", "db": "lib 1", "other": "same", "log/old": "was", "cache/kept": "k"} {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, changed := range []string{full, filepath.Dir(full)} {
			if err := os.Chtimes(changed, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lib.pkg"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	i := &installer{fake: world(), root: root}
	i.after = slices.Clone(i.installed)
	i.after[0].Version = "3"
	req := Request{Changes: []Change{{Name: "lib", Arch: "x", Before: "1", After: "3", File: "lib.pkg", Checksum: newSum}},
		Epoch: 1_700_000_000}
	if _, err := Install(t.Context(), i, req, dir, root); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{".": "1700000000", "lib": "new 1600000000", "db": "lib 3 1700000000", "other": "same 1500000000",
		"log": "1700000000", "log/old": "was 1500000000", "cache": "1700000000", "cache/kept": "k 1500000000"}
	if diff := cmp.Diff(want, content(t, root)); diff != "" {
		t.Errorf("after Install: -want +got\n%s", diff)
	}
}

// content are the paths of a root filesystem with the texts of files and their times.
func content(t *testing.T, root string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if !d.IsDir() {
			data, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return err
			}
			text = string(data) + " "
		}
		got[name] = text + strconv.FormatInt(info.ModTime().Unix(), 10)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestInstallRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*installer, *Request)
		want   string
	}{
		"another file":    {func(_ *installer, r *Request) { r.Changes[0].Checksum = "sha256:0" }, "is " + newSum + ", not sha256:0"},
		"a path":          {func(_ *installer, r *Request) { r.Changes[0].File = "../lib.pkg" }, "../lib.pkg is not the name of a package file"},
		"nothing":         {func(i *installer, _ *Request) { i.after = i.installed }, "package lib is not there in version 3"},
		"another version": {func(i *installer, _ *Request) { i.after[0].Version = "2" }, "package lib is not there in version 3"},
		"another package": {func(i *installer, _ *Request) { i.after[1].Version = "9" }, "package prog is not there in version 5"},
		"more":            {func(i *installer, _ *Request) { i.after = append(i.after, Installed{}) }, "number of packages from 3 to 4"},
	} {
		t.Run(name, func(t *testing.T) {
			root, dir := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "lib.pkg"), []byte("new"), 0o644); err != nil {
				t.Fatal(err)
			}
			i := &installer{fake: world(), root: root}
			i.after = slices.Clone(i.installed)
			i.after[0].Version = "3"
			req := Request{Changes: []Change{{Name: "lib", Arch: "x", Before: "1", After: "3", File: "lib.pkg", Checksum: newSum}}}
			test.change(i, &req)
			if _, err := Install(t.Context(), i, req, dir, root); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Install = %v, want %q", err, test.want)
			}
		})
	}
}

func TestReadReport(t *testing.T) {
	const good = `{"schema":"slim/update/v1","manager":"apt","changes":[{"name":"lib","arch":"x","before":"1","after":"3","repository":"r","file":"a.deb",` +
		`"checksum":"` + newSum + `"}]}`
	if _, err := ReadReport([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range [][2]string{{`"lib"`, `"l b"`}, {`"lib"`, `"-lib"`}, {`"lib"`, `""`}, {`"3"`, `"3\u001b"`}, {`a.deb`, `../a.deb`},
		{`sha256:`, `md5:`},
		{`update/v1`, `update/v2`}, {`"apt"`, `"a\nb"`}} {
		text := strings.Replace(good, test[0], test[1], 1)
		if got, err := ReadReport([]byte(text)); err == nil {
			t.Errorf("ReadReport(%s) = %+v, want an error", text, got)
		}
	}
	got, err := ReadReport([]byte(`{"schema":"slim/update/v1","manager":"apt","failure":{"reason":"a\u001b[31m\nb"}}`))
	if want := `a\x1b[31m\nb`; err != nil || got.Failure.Reason != want {
		t.Errorf("ReadReport of a failure = %v, %v, want %q", got, err, want)
	}
}
