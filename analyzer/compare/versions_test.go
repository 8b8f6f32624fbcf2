package compare

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

func TestUpdated(t *testing.T) {
	versions := []Version{{"15.18-0+deb12u1", "15.20-0+deb12u1"}, {"2:3.0.20-1~deb12u2", "2:3.0.22-1~deb12u2"},
		{"1.22.1-9+deb12u9", "1.22.1-9+deb12u11"}, {"2.1.28+dfsg-10", "2.2.0+dfsg-1"}, {"6-1", "7-1"}}
	for _, test := range []struct {
		name, was, is string
		want          bool
	}{
		{"the same", "PostgreSQL 15.18", "PostgreSQL 15.18", true},
		{"upstream's version", "PostgreSQL 15.18\n", "PostgreSQL 15.20\n", true},
		{"the whole version", "15.18 (Debian 15.18-0+deb12u1)", "15.20 (Debian 15.20-0+deb12u1)", true},
		{"an epoch is not written", "openssl 3.0.20-1~deb12u2", "openssl 3.0.22-1~deb12u2", true},
		{"without what the distribution did", "sasl 2.1.28.", "sasl 2.2.0.", true},
		{"two of them", "15.18 with 3.0.20", "15.20 with 3.0.22", true},
		{"only one of them became new", "15.18 15.18", "15.18 15.20", true},
		{"the revision alone", "nginx/1.22.1 1.22.1-9+deb12u9", "nginx/1.22.1 1.22.1-9+deb12u11", true},
		{"another version", "PostgreSQL 15.18", "PostgreSQL 15.21", false},
		{"another text", "PostgreSQL 15.18 ready", "PostgreSQL 15.20 broken", false},
		{"within a longer version", "1.15.18", "1.15.20", false},
		{"followed by more of it", "15.18.1", "15.20.1", false},
		{"longer now", "15.18", "15.201", false},
		{"a number is no version", "6 rows", "7 rows", false},
		{"the old one came back", "PostgreSQL 15.20", "PostgreSQL 15.18", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			was := &analyzer.Evidence{Runs: []analyzer.Run{command(0, test.was, "")}}
			is := &analyzer.Evidence{Runs: []analyzer.Run{command(0, test.is, "")}}
			got := Updated(was, nil, is, versions)
			if got.OK != test.want {
				t.Errorf("Updated(%q, %q) = %v, want %v", test.was, test.is, got.OK, test.want)
			}
			if said := len(got.Versions) > 0; said != (test.want && test.was != test.is) {
				t.Errorf("Updated(%q, %q) lists %q", test.was, test.is, got.Versions)
			}
			if plain := Verdict(was, nil, is); plain.OK != (test.was == test.is) {
				t.Errorf("Verdict(%q, %q) = %v: only Updated knows versions", test.was, test.is, plain.OK)
			}
		})
	}
}

// A part that also varies between two runs of the original is no difference beside a new version.
func TestUpdatedVolatile(t *testing.T) {
	evidence := func(text string) *analyzer.Evidence {
		return &analyzer.Evidence{Runs: []analyzer.Run{command(0, text, "")}}
	}
	versions := []Version{{"15.18-1", "15.20-1"}}
	got := Updated(evidence("15.18, request 1a"), evidence("15.18, request 2b"), evidence("15.20, request 3c"), versions)
	if !got.OK || !cmp.Equal(got.Volatile, []string{"output"}) {
		t.Errorf("Updated() = %v, volatile %q, differences %q", got.OK, got.Volatile, differences(got))
	}
	if got := Updated(evidence("15.18, request 1a"), evidence("15.18, request 2b"), evidence("15.19, request 3c"), versions); got.OK {
		t.Error("Updated() takes a version for another that the package does not have")
	}
}
