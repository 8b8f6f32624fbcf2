package compare

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slimimage/slim/analyzer"
)

// alike says whether got is like want but for what also differs between want and again, two answers of the same image. What
// the two have in common, line by line and word by word, has to be there in the same order; between that, where both have
// something, got may have anything but nothing. Where the two have the same lines in another order, so may got.
func alike(want, again, got []byte) bool {
	if bytes.Equal(want, again) {
		return bytes.Equal(want, got)
	}
	if !isText(want) || !isText(again) {
		return len(got) > 0 || len(want) == 0 || len(again) == 0
	}
	linesA, linesB, linesC := splitLines(want), splitLines(again), splitLines(got)
	if shapesA, shapesB := shapes(linesA), shapes(linesB); !slices.Equal(shapesA, shapesB) && sameSet(shapesA, shapesB) {
		return sameSet(shapesA, shapes(linesC)) && holdsShared(linesA, linesB, linesC)
	}
	effort := maxTable
	return fitsParts(merged(linesA, linesB), linesC, &effort)
}

// sameSet says whether two lists hold the same in any order.
func sameSet(a, b []string) bool {
	return len(a) == len(b) && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// holdsShared says whether list holds each line that both a and b hold, as often as they do.
func holdsShared(a, b, list []string) bool {
	count := func(list []string) map[string]int {
		counts := map[string]int{}
		for _, line := range list {
			counts[line]++
		}
		return counts
	}
	inA, inB, inList := count(a), count(b), count(list)
	for line, n := range inA {
		if inList[line] < min(n, inB[line]) {
			return false
		}
	}
	return true
}

func isText(b []byte) bool { return utf8.Valid(trimRune(b)) && !bytes.ContainsRune(b, 0) }

// trimRune removes a rune that was cut at the end of what is kept.
func trimRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b) && len(b) == analyzer.MaxBody; i++ {
		if utf8.RuneStart(b[len(b)-i]) && !utf8.FullRune(b[len(b)-i:]) {
			return b[:len(b)-i]
		}
	}
	return b
}

func splitLines(text []byte) []string { return strings.Split(string(text), "\n") }

// word is what varies as a whole: a date or a time in the usual forms (RFC 3339, RFC 1123, asctime, the common log format), a run
// of letters and digits with what holds ids, addresses and numbers together, white space, or another character.
var word = regexp.MustCompile(`\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)?` +
	`|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:\d{1,2}[ -]` + month + `[ -]\d{4}|` + month + ` +\d{1,2})` +
	`(?: \d{2}:\d{2}:\d{2}(?:\.\d+)?)?(?: (?:GMT|UTC|[+-]\d{4}))?(?: \d{4})?` +
	`|\d{1,2}/` + month + `/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}` +
	`|\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AP]M)?` +
	`|[\pL\pN_.+/~%@-]+=*|\s+|.`)

const month = `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`

func wordsOf(line string) []string { return word.FindAllString(line, -1) }

// part is a piece of what two texts have in common: a line or a word, or a gap where they differ.
type part struct {
	text string
	gap  bool
	some bool     // the gap is not empty in both
	line []part   // a line's own parts, where the two differ in words
	bag  []string // its words, where the two differ in their order alone
}

// maxTable bounds the table of a comparison, in cells: what two texts have in common is not looked for beyond.
const maxTable = 4 << 20

// merged is what two lists of lines have in common.
func merged(a, b []string) []part {
	var parts []part
	common(a, b, func(text string) {
		parts = append(parts, part{text: text})
	}, func(a, b []string) {
		if len(a) != len(b) {
			parts = append(parts, part{gap: true, some: len(a) > 0 && len(b) > 0})
			return
		}
		for i := range a {
			p := part{line: mergedWords(a[i], b[i])}
			if words := wordsOf(a[i]); sameSet(words, wordsOf(b[i])) {
				p.bag = words
			}
			parts = append(parts, p)
		}
	})
	return parts
}

func mergedWords(a, b string) []part {
	parts := []part{}
	common(wordsOf(a), wordsOf(b), func(text string) {
		parts = append(parts, part{text: text})
	}, func(a, b []string) {
		parts = append(parts, part{gap: true, some: len(a) > 0 && len(b) > 0})
	})
	return parts
}

// common walks through two lists: same is called for what both have, gap for what lies between.
func common(a, b []string, same func(string), gap func(a, b []string)) {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		same(a[head])
		head++
	}
	a, b = a[head:], b[head:]
	tail := 0
	for tail < len(a) && tail < len(b) && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	end := a[len(a)-tail:]
	middle(a[:len(a)-tail], b[:len(b)-tail], same, gap)
	for _, text := range end {
		same(text)
	}
}

// middle is common by the longest common subsequence.
func middle(a, b []string, same func(string), gap func(a, b []string)) {
	if len(a) == 0 && len(b) == 0 {
		return
	}
	if (len(a)+1)*(len(b)+1) > maxTable {
		gap(a, b)
		return
	}
	width := len(b) + 1
	table := make([]int32, (len(a)+1)*width) // lengths for the rests of both
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i*width+j] = table[(i+1)*width+j+1] + 1
			} else {
				table[i*width+j] = max(table[(i+1)*width+j], table[i*width+j+1])
			}
		}
	}
	i, j, fromA, fromB := 0, 0, 0, 0
	flush := func() {
		if i > fromA || j > fromB {
			gap(a[fromA:i], b[fromB:j])
		}
	}
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			flush()
			same(a[i])
			i, j = i+1, j+1
			fromA, fromB = i, j
		case table[(i+1)*width+j] >= table[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	i, j = len(a), len(b)
	flush()
}

// fitsParts says whether a list has what a pattern says, with anything in its gaps. As with a glob, only the last gap has to be
// reconsidered when something does not fit. It gives up when effort is used up.
func fitsParts(pattern []part, list []string, effort *int) bool {
	p, i, lastGap, restart := 0, 0, -1, 0
	for i < len(list) || p < len(pattern) {
		if *effort--; *effort < 0 {
			return false
		}
		switch {
		case p < len(pattern) && pattern[p].gap:
			lastGap = p
			if pattern[p].some {
				i++
			}
			if i > len(list) {
				return false
			}
			restart, p = i, p+1
		case p < len(pattern) && i < len(list) && pattern[p].fits(list[i], effort):
			p, i = p+1, i+1
		case lastGap >= 0 && restart < len(list):
			restart++
			p, i = lastGap+1, restart
		default:
			return false
		}
	}
	return true
}

func (p part) fits(text string, effort *int) bool {
	if p.line != nil {
		words := wordsOf(text)
		*effort -= len(words)
		return fitsParts(p.line, words, effort) || p.bag != nil && sameSet(p.bag, words)
	}
	return p.text == text
}

var digits = regexp.MustCompile(`\d`)

// shapes are lines without what is likely to vary: each word with a digit.
func shapes(lines []string) []string {
	list := make([]string, len(lines))
	for i, line := range lines {
		list[i] = word.ReplaceAllStringFunc(line, func(w string) string {
			if digits.MatchString(w) {
				return "0"
			}
			return w
		})
	}
	return list
}
