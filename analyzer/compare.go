package analyzer

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// Compare says whether the slim image answers like the original. again is a second observation of the original, or nil: what
// differs between its two runs is volatile and no difference. Runs are matched by name, answers by probe; answers that only
// the slim image gave are ignored.
func Compare(original, again, slim *Evidence) *Verdict {
	v := &Verdict{Schema: VerdictSchema}
	for _, run := range original.Runs {
		c := comparison{v: v, run: run.Name, again: findRun(again, run.Name)}
		other := findRun(slim, run.Name)
		if other == nil {
			c.differ("run", "ready", "it ran", "it was not run")
			continue
		}
		c.runs(run, *other)
	}
	v.Missing = missingIn(original, slim)
	v.Volatile = union(v.Volatile, nil)
	v.OK = len(v.Differences) == 0
	return v
}

// NeedsSecond says whether there is a difference that a second observation of the original may explain.
func NeedsSecond(original, slim *Evidence) bool {
	return slices.ContainsFunc(Compare(original, nil, slim).Differences, func(d Difference) bool {
		return d.What != "ready"
	})
}

func findRun(e *Evidence, name string) *Run {
	if e == nil {
		return nil
	}
	for i := range e.Runs {
		if e.Runs[i].Name == name {
			return &e.Runs[i]
		}
	}
	return nil
}

// comparison is that of one run.
type comparison struct {
	v     *Verdict
	run   string
	again *Run
}

func (c *comparison) differ(probe, what, want, got string) {
	c.v.Differences = append(c.v.Differences, Difference{Run: c.run, Probe: probe, What: what, Want: shorten(want), Got: shorten(got)})
}

func (c *comparison) runs(want, got Run) {
	if want.Failure == "" && got.Failure != "" {
		c.differ("run", "ready", "it ran", got.Failure+lastOutput(got))
	} else if want.Kind != got.Kind {
		c.differ("run", "ready", "a "+want.Kind, "a "+got.Kind+lastOutput(got))
	}
	for _, answer := range want.Answers {
		c.v.Checked++
		other, ok := findAnswer(&got, answer.Probe)
		if !ok {
			c.differ(answer.Probe, "error", "an answer", "none")
			continue
		}
		var second *Answer
		if a, ok := findAnswer(c.again, answer.Probe); ok {
			second = &a
		}
		c.answers(answer, other, second, want.Kind)
	}
}

// lastOutput is the end of what a failed run printed: it often says why.
func lastOutput(r Run) string {
	a, ok := findAnswer(&r, "output")
	if !ok {
		return ""
	}
	text := strings.TrimSpace(string(a.Stderr))
	if text == "" {
		text = strings.TrimSpace(string(a.Body))
	}
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	return ": " + lines[len(lines)-1]
}

func findAnswer(run *Run, probe string) (Answer, bool) {
	if run == nil {
		return Answer{}, false
	}
	for _, a := range run.Answers {
		if a.Probe == probe {
			return a, true
		}
	}
	return Answer{}, false
}

func (c *comparison) answers(want, got Answer, again *Answer, kind string) {
	switch {
	case want.OK && !got.OK && got.Error != "" && got.Status == want.Status:
		c.differ(want.Probe, "error", "an answer", got.Error)
		return
	case want.Status != got.Status:
		if again != nil && again.Status != want.Status {
			c.volatile(want.Probe)
			return
		}
		what := "status"
		if want.Probe == "output" || strings.HasPrefix(want.Probe, "exec") {
			what = "exit"
		}
		c.differ(want.Probe, what, fmt.Sprint(want.Status), fmt.Sprint(got.Status)+": "+firstText(got.Stderr, got.Body))
		return
	}
	if want.Header != got.Header && (again == nil || again.Header == want.Header) {
		c.differ(want.Probe, "header", want.Header, got.Header)
	}
	c.text(want.Probe, "body", want, got, again, func(a *Answer) ([]byte, string) { return a.Body, a.SHA256 })
	if kind == KindCommand {
		c.text(want.Probe, "stderr", want, got, again, func(a *Answer) ([]byte, string) { return a.Stderr, "" })
	}
}

func firstText(parts ...[]byte) string {
	for _, part := range parts {
		if text := strings.TrimSpace(string(part)); text != "" {
			return text
		}
	}
	return ""
}

func (c *comparison) volatile(probe string) { c.v.Volatile = append(c.v.Volatile, probe) }

// text compares one part of an answer, less what is volatile in the original.
func (c *comparison) text(probe, what string, want, got Answer, again *Answer, part func(*Answer) ([]byte, string)) {
	a, sumA := part(&want)
	b, sumB := part(&got)
	if sumA == sumB && bytes.Equal(a, b) {
		return
	}
	if again != nil {
		second, sum := part(again)
		if sum != sumA || !bytes.Equal(second, a) {
			if mask(a, second, b) {
				c.volatile(probe)
				return
			}
		}
	}
	c.differ(probe, what, firstDifference(a, b), firstDifference(b, a))
}

var words = regexp.MustCompile(`[[:alnum:]]+|[^[:alnum:]]`)

// mask says whether b is like a but for the words that also differ between a and again.
func mask(a, again, b []byte) bool {
	linesA, linesAgain, linesB := bytes.Split(a, []byte("\n")), bytes.Split(again, []byte("\n")), bytes.Split(b, []byte("\n"))
	if len(linesA) != len(linesAgain) {
		return true // its very length is a matter of chance
	}
	if len(linesA) != len(linesB) {
		return false
	}
	for i := range linesA {
		if bytes.Equal(linesA[i], linesB[i]) {
			continue
		}
		if !maskLine(words.FindAll(linesA[i], -1), words.FindAll(linesAgain[i], -1), words.FindAll(linesB[i], -1)) {
			return false
		}
	}
	return true
}

func maskLine(a, again, b [][]byte) bool {
	if len(a) != len(again) {
		return true
	}
	if len(a) != len(b) {
		return slices.ContainsFunc(indexes(len(a)), func(i int) bool { return !bytes.Equal(a[i], again[i]) })
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) && bytes.Equal(a[i], again[i]) {
			return false
		}
	}
	return true
}

func indexes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// firstDifference is the first line of a that is not in b at the same place.
func firstDifference(a, b []byte) string {
	linesA, linesB := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i, line := range linesA {
		if i >= len(linesB) || !bytes.Equal(line, linesB[i]) {
			return string(line)
		}
	}
	return ""
}

// maxShown is how much of an answer a difference shows, in bytes.
const maxShown = 160

// shorten makes one printable line.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '�' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown-3], "") + "..."
	}
	return s
}

// missingIn lists the look-ups that failed in the slim image and succeeded in the original: the same path, or one of its
// parents is gone. What the original itself made while it ran is no part of the image.
func missingIn(original, slim *Evidence) []MissingPath {
	used, made := map[layers.Path]bool{}, map[layers.Path]bool{}
	for _, p := range original.Paths {
		if slices.Contains(p.Ops, OpCreate) {
			made[p.Path] = true
		} else {
			used[p.Path] = true
		}
	}
	var missing []MissingPath
	for _, m := range slim.Missing {
		if used[m.Path] && !made[m.Path] && (m.Errno == "ENOENT" || m.Errno == "ENOTDIR") {
			missing = append(missing, m)
		}
	}
	return missing
}
