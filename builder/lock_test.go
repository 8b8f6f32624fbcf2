package builder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tonistiigi/fsutil"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/lock"
)

var epochZero = time.Unix(0, 0)

func TestLockFits(t *testing.T) {
	l := &lock.Lock{Options: OptionsOf(Options{})}
	for want, opt := range map[string]Options{
		"":              {},
		"keep":          {Analyze: analyzer.Options{Keep: analyzer.KeepObserved}},
		"include":       {Analyze: analyzer.Options{Include: []string{"/x"}}},
		"user":          {Analyze: analyzer.Options{User: "7"}},
		"compression":   {Export: Export{Compression: "zstd"}},
		"probe":         {Observe: ObserveOptions{Steps: []analyzer.Step{{Name: "x"}}}},
		"probe-command": {Observe: ObserveOptions{ProbeArgv: []string{"x"}}},
	} {
		err := l.Fits(OptionsOf(opt))
		var refused *lock.Error
		if (err == nil) != (want == "") || err != nil && (!errors.As(err, &refused) || !strings.Contains(err.Error(), "with "+want+" ")) {
			t.Errorf("Fits(%+v) = %v, want a word of %q", opt, err, want)
		}
	}
}

// Of evidence, a lock keeps nothing that the answers said.
func TestBareEvidence(t *testing.T) {
	e := &analyzer.Evidence{Runs: []analyzer.Run{{Answers: []analyzer.Answer{{Probe: "p", OK: true, Body: []byte("secret"),
		Stderr: []byte("secret"), Size: 6}}}}}
	want := []analyzer.Answer{{Probe: "p", OK: true, Size: 6}}
	if diff := cmp.Diff(want, withoutAnswers(e).Runs[0].Answers, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if string(e.Runs[0].Answers[0].Body) != "secret" {
		t.Error("the evidence itself was changed")
	}
}

// The digest of a tree tells names, modes, links and content, and no times.
func TestTreeDigest(t *testing.T) {
	sum := func(change func(dir string) error) string {
		t.Helper()
		dir := t.TempDir()
		err := errors.Join(os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o644), os.Symlink("a", filepath.Join(dir, "l")),
			os.WriteFile(filepath.Join(dir, "ignored"), []byte("x"), 0o644))
		if err := errors.Join(err, change(dir)); err != nil {
			t.Fatal(err)
		}
		local, err := fsutil.NewFS(dir)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := treeDigest(t.Context(), local, &fsutil.FilterOpt{ExcludePatterns: []string{"ignored"}})
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	same := sum(func(string) error { return nil })
	for name, test := range map[string]struct {
		change func(dir string) error
		same   bool
	}{
		"later":    {func(dir string) error { return os.Chtimes(filepath.Join(dir, "a"), epochZero, epochZero) }, true},
		"ignored":  {func(dir string) error { return os.Remove(filepath.Join(dir, "ignored")) }, true},
		"content":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte("b"), 0o644) }, false},
		"mode":     {func(dir string) error { return os.Chmod(filepath.Join(dir, "a"), 0o755) }, false},
		"new file": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), nil, 0o644) }, false},
		"link": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "l")), os.Symlink("b", filepath.Join(dir, "l")))
		}, false},
	} {
		if got := sum(test.change); (got == same) != test.same {
			t.Errorf("%s: same digest is %t, want %t", name, got == same, test.same)
		}
	}
}
