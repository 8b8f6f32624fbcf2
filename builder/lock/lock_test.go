package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

func lockOf(paths int) *Lock {
	seen := &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64"}
	for i := range paths {
		seen.Paths = append(seen.Paths,
			analyzer.PathUse{Path: layers.Path(fmt.Sprintf("srv/some/where/file-%07d", i)), Ops: []analyzer.Op{analyzer.OpOpen}})
	}
	seen.Normalize()
	return &Lock{Schema: Schema, Input: Input{Kind: KindImage, Reference: "app:1", Digest: "sha256:1", Platform: "linux/amd64"},
		Options: Options{"keep": json.RawMessage(`"closure"`)}, Check: Check{Findings: analyzer.Findings{Repair: [][]layers.Path{{"etc/a"}}}},
		Manifest: "sha256:2", Seen: seen}
}

func TestSave(t *testing.T) {
	for paths, file := range map[int]string{3: "slim.lock.evidence.json", 20_000: "slim.lock.evidence.json.gz"} {
		name := filepath.Join(t.TempDir(), Name)
		want := lockOf(paths)
		if err := want.Save(name); err != nil {
			t.Fatal(err)
		}
		got, err := Open(name, []string{"keep"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || got.Evidence.File != file {
			t.Errorf("%d paths, %s: -saved +read\n%s", paths, got.Evidence.File, diff)
		}
		first, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := lockOf(paths).Save(name); err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(second)); diff != "" {
			t.Errorf("two locks of the same build differ:\n%s", diff)
		}
		files, err := os.ReadDir(filepath.Dir(name))
		if err != nil || len(files) != 2 {
			t.Errorf("files beside the lock = %v, %v, want its evidence alone", files, err)
		}
	}
}

// Read refuses what another version of slim wrote, and evidence that is not beside the lock.
func TestReadRefuses(t *testing.T) {
	name := filepath.Join(t.TempDir(), Name)
	good := `{"schema": "slim/lock/v1", "options": {"keep": "closure"}, "evidence": {"file": "a.json"}}`
	for _, test := range []struct {
		from, to string
		ok       bool
	}{
		{"", "", true},
		{"lock/v1", "lock/v0", false},
		{`"keep"`, `"other"`, false},
		{`"evidence"`, `"proof"`, false},
		{"a.json", "../a.json", false},
	} {
		if err := os.WriteFile(name, []byte(strings.Replace(good, test.from, test.to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(name, []string{"keep"})
		var refused *Error
		if test.ok && err != nil || !test.ok && !errors.As(err, &refused) {
			t.Errorf("Read with %q instead of %q = %v, want ok %t", test.to, test.from, err, test.ok)
		}
	}
}
