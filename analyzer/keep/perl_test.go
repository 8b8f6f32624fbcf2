package keep

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPerlCode compares the reader of Perl sources with regular expressions of the same meaning, on sources of random parts.
func TestPerlCode(t *testing.T) {
	pod := regexp.MustCompile(`(?ms)^=[a-zA-Z].*?(?:^=cut\b[^\n]*\n|\z)`)
	end := regexp.MustCompile(`(?m)^__END__[ \t]*$`)
	comment := regexp.MustCompile(`(?m)^[ \t]*#.*(?:\n|\z)`)
	class := regexp.MustCompile(`\b([A-Za-z_]\w*(?:::\w+)+)`)
	parts := []string{"=head1 ", "=cut", "\n", "\n", "\n", "A::B", "::", "9x::y", "_c", " ", "\t", "# ", "__END__", "=", "use A;", "$",
		"x::y::z"}
	random := rand.New(rand.NewPCG(3, 4))
	classes, cut := 0, 0
	for range 20_000 {
		var src []byte
		for range random.IntN(20) {
			src = append(src, parts[random.IntN(len(parts))]...)
		}
		want := pod.ReplaceAll(src, nil)
		if at := end.FindIndex(want); at != nil {
			want = want[:at[0]]
		}
		want = comment.ReplaceAll(want, nil)
		got := perlCode(src)
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("perlCode(%q): %s", src, diff)
		}
		var names []string
		for _, match := range class.FindAllSubmatch(got, -1) {
			names = append(names, string(match[1]))
		}
		if diff := cmp.Diff(names, perlClasses(got)); diff != "" {
			t.Fatalf("perlClasses(%q): %s", got, diff)
		}
		classes += len(names)
		if len(got) < len(src) {
			cut++
		}
	}
	if classes < 1000 || cut < 1000 {
		t.Errorf("the sources had %d classes, %d had documentation, comments or an end; want 1000 of each or more", classes, cut)
	}
}
