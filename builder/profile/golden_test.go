package profile

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares every file of a server and of a command with testdata; two makings give the same bytes.
func TestGolden(t *testing.T) {
	command := From(nil, nil, "registry.example.com/tools/job:3")
	for name, m := range map[string]Model{"web": From(webEvidence(), webPlan(), "registry.example.com/team/web:2"), "job": command} {
		files, err := Files(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Files(m)
		if err != nil || !cmp.Equal(files, again) {
			t.Errorf("%s: the same model gave other files (%v)", name, err)
		}
		for file, data := range files {
			golden := filepath.Join("testdata", name, file)
			if name == "job" && file == FileSeccomp {
				continue // Docker's own default, which changes with its module
			}
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(data)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		}
	}
}
