package keyword_test

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/keyword"
)

// TestFindAll compares with the regular expression of the same meaning, on texts of random parts.
func TestFindAll(t *testing.T) {
	const call = `(?:require|load)\s*\(?\s*['"]([\w./-]+)['"]`
	tests := []struct {
		name    string
		pattern keyword.Pattern
		re      *regexp.Regexp
	}{
		{"word", keyword.New("require load", call), regexp.MustCompile(`\b` + call)},
		{"line", keyword.FirstOnLine("gem", `gem\s*['"](\w+)['"]`), regexp.MustCompile(`(?m)^\s*(?:gem\s*['"](\w+)['"])`)},
		{"anywhere", keyword.Anywhere("#{dir}/", `#\{dir\}/(\w+)`), regexp.MustCompile(`#\{dir\}/(\w+)`)},
	}
	parts := []string{"require", "load", "gem", " ", "  ", "'a'", `"b/c"`, "(", "\n", "x", "re", "#{dir}/", "lo", "\t", "'"}
	random := rand.New(rand.NewPCG(1, 2))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			matches := 0
			for range 3000 {
				var src []byte
				for range random.IntN(30) {
					src = append(src, parts[random.IntN(len(parts))]...)
				}
				var want []string
				for _, m := range test.re.FindAllSubmatch(src, 5) {
					want = append(want, string(m[1]))
				}
				var got []string
				for _, m := range test.pattern.FindAll(src, 5) {
					got = append(got, string(m[1]))
				}
				matches += len(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("FindAll(%q): %s", src, diff)
				}
			}
			if matches < 30 {
				t.Errorf("%d matches in all texts, want 30 or more", matches)
			}
		})
	}
}
