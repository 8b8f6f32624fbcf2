package compare

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// Version is a package's version before and after an update, as its package manager writes it: "1:15.18-0+deb12u1".
type Version struct{ Before, After string }

// Updated is Verdict for an image whose packages were updated. Where the original names the version that a package had, it is no
// difference that the updated image names the version that it has; Verdict.Versions lists the probes for which that decided.
func Updated(original, again, updated *analyzer.Evidence, versions []Version) *analyzer.Verdict {
	return verdict(original, again, updated, newRenewal(versions))
}

// renewal knows old versions and what each became.
type renewal struct {
	old    *regexp.Regexp      // any of the old ones; nil where there is none
	became map[string][]string // two packages may have had the same version
}

func newRenewal(versions []Version) renewal {
	r := renewal{became: map[string][]string{}}
	for _, v := range versions {
		before, after := forms(v.Before), forms(v.After)
		for i, old := range before {
			if old != after[i] && distinct(old) && !slices.Contains(r.became[old], after[i]) {
				r.became[old] = append(r.became[old], after[i])
			}
		}
	}
	var words []string
	for old := range r.became {
		words = append(words, regexp.QuoteMeta(old))
	}
	if len(words) > 0 {
		slices.Sort(words)
		slices.Reverse(words) // the longest of those with the same beginning is first
		r.old = regexp.MustCompile(strings.Join(words, "|"))
	}
	return r
}

// forms are the ways in which programs write a version: without its epoch (deb-version(7)), without the distribution's revision, and
// without what the distribution did to the source ("+dfsg").
func forms(version string) [3]string {
	if _, rest, found := strings.Cut(version, ":"); found {
		version = rest
	}
	upstream := version
	if i := strings.LastIndexByte(version, '-'); i > 0 {
		upstream = version[:i]
	}
	plain := upstream
	if i := strings.IndexAny(upstream, "+~"); i > 0 {
		plain = upstream[:i]
	}
	return [3]string{version, upstream, plain}
}

// distinct reports whether a text is a version and not just a number, which may mean anything.
func distinct(version string) bool {
	return len(version) > 2 && strings.Contains(version, ".") && version[0] >= '0' && version[0] <= '9'
}

// next is the place of the first old version in a text, nil if it names none.
func (r renewal) next(text []byte) []int {
	for from := 0; r.old != nil && from < len(text); {
		at := r.old.FindIndex(text[from:])
		if at == nil {
			break
		}
		at[0], at[1] = at[0]+from, at[1]+from
		if begins(text[:at[0]]) && ends(text[at[1]:]) {
			return at
		}
		from = at[0] + 1
	}
	return nil
}

// begins and ends report whether a version may begin after a text, or end before it: within a longer version it does not.
func begins(before []byte) bool {
	return len(before) == 0 || !isDigit(before[len(before)-1]) && before[len(before)-1] != '.'
}

func ends(after []byte) bool {
	switch {
	case len(after) == 0:
		return true
	case after[0] == '.':
		return len(after) == 1 || !isDigit(after[1])
	}
	return !isDigit(after[0])
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// explains reports whether got is want with new versions in the places of some old ones.
func (r renewal) explains(want, got []byte) bool {
	for {
		at := r.next(want)
		if at == nil {
			return bytes.Equal(want, got)
		}
		if !bytes.HasPrefix(got, want[:at[0]]) {
			return false
		}
		old := string(want[at[0]:at[1]])
		want, got = want[at[1]:], got[at[0]:]
		i := slices.IndexFunc(append([]string{old}, r.became[old]...), func(is string) bool {
			return bytes.HasPrefix(got, []byte(is)) && ends(got[len(is):])
		})
		if i < 0 {
			return false
		}
		if i > 0 {
			old = r.became[old][i-1]
		}
		got = got[len(old):]
	}
}

// renew names the new version in each place of an old one.
func (r renewal) renew(text []byte) []byte {
	var out []byte
	for at := r.next(text); at != nil; at = r.next(text) {
		out = append(append(out, text[:at[0]]...), r.became[string(text[at[0]:at[1]])][0]...)
		text = text[at[1]:]
	}
	return append(out, text...)
}
