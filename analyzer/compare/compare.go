package compare

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// Verdict says whether the slim image answers like the original. again is a second observation of the original, or nil: what
// differs between its two runs is volatile and no difference. Runs are matched by name, answers by probe; what only the slim
// image answers is ignored.
func Verdict(original, again, slim *analyzer.Evidence) *analyzer.Verdict {
	return verdict(original, again, slim, renewal{})
}

func verdict(original, again, slim *analyzer.Evidence, versions renewal) *analyzer.Verdict {
	v := &analyzer.Verdict{Schema: analyzer.VerdictSchema, Missing: missingIn(original, slim)}
	for _, run := range original.Runs {
		c := comparison{v: v, run: run.Name, again: findRun(again, run.Name), versions: versions}
		if c.again != nil && (c.again.Kind != run.Kind || len(c.again.Answers) == 0) {
			c.again = nil // it went wrong and explains nothing
		}
		if other := findRun(slim, run.Name); other != nil {
			c.runs(&run, other)
		} else {
			c.differ("run", "ready", "it ran", "it was not run")
		}
	}
	for _, list := range []*[]string{&v.Volatile, &v.Versions} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	v.OK = len(v.Differences) == 0
	return v
}

// NeedsSecond says whether there is a difference that a second observation of the original may explain.
func NeedsSecond(original, slim *analyzer.Evidence) bool {
	return slices.ContainsFunc(Verdict(original, nil, slim).Differences, func(d analyzer.Difference) bool { return d.What != "ready" })
}

func findRun(e *analyzer.Evidence, name string) *analyzer.Run {
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

func findAnswer(run *analyzer.Run, probe string) *analyzer.Answer {
	if run == nil {
		return nil
	}
	for i := range run.Answers {
		if run.Answers[i].Probe == probe {
			return &run.Answers[i]
		}
	}
	return nil
}

// comparison is that of one run.
type comparison struct {
	v     *analyzer.Verdict
	run   string
	again *analyzer.Run       // nil when there is none
	home  func([]byte) []byte // what the original says of its user's home as the slim image's user would say it

	versions renewal // of updated packages
}

func (c *comparison) differ(probe, what, want, got string) {
	c.v.Differences = append(c.v.Differences, analyzer.Difference{
		Run: c.run, Probe: probe, What: what, Want: shorten(want), Got: shorten(got), Path: c.named(got),
	})
}

func (c *comparison) volatile(probe string) { c.v.Volatile = append(c.v.Volatile, probe) }

func (c *comparison) runs(want, got *analyzer.Run) {
	c.home = homeOf(want.Home, got.Home)
	for i := range want.Answers {
		switch answer := &want.Answers[i]; {
		case answer.Connected:
			c.v.Connected++
		case answer.Spoke():
			c.v.Checked++
		default:
			c.v.Silent++
		}
	}
	failed := got.Failure != "" && want.Failure == ""
	if failed && !explained(want, got) {
		c.differ("run", "ready", "it ran", got.Failure+lastOutput(got))
	} else if want.Kind != got.Kind {
		c.differ("run", "ready", "a "+want.Kind, "a "+got.Kind+lastOutput(got))
		failed = true
	}
	if failed && len(got.Answers) == 0 || want.Kind != got.Kind {
		return // there is nothing to compare, and it is said why
	}
	for i := range want.Answers {
		answer := &want.Answers[i]
		second := findAnswer(c.again, answer.Probe)
		if other := findAnswer(got, answer.Probe); other != nil {
			c.answers(answer, other, second)
		} else if c.again != nil && second == nil {
			c.volatile(answer.Probe)
		} else if !spoke(got, answer) {
			c.differ(answer.Probe, "error", "an answer", "none")
		}
	}
	c.ends(want, got)
	c.sockets(want, got)
}

// explained says whether a run's failure is that of a probe whose answers are compared anyway.
func explained(want, got *analyzer.Run) bool {
	return slices.ContainsFunc(got.Answers, func(a analyzer.Answer) bool {
		before := findAnswer(want, a.Probe)
		return !a.OK && before != nil && before.OK && strings.HasPrefix(got.Failure, a.Probe+": ")
	})
}

// spoke says whether a port that only accepted a connection in the original spoke in the slim image.
func spoke(got *analyzer.Run, want *analyzer.Answer) bool {
	address, connect := strings.CutPrefix(want.Probe, analyzer.ConnectProbe)
	return connect && want.Connected && slices.ContainsFunc(got.Answers, func(a analyzer.Answer) bool {
		return a.Protocol != "" && (strings.HasSuffix(a.Probe, " "+address) || strings.Contains(a.Probe, "://"+address+"/"))
	})
}

// lastOutput is the end of what a run that ended printed: it often says why.
func lastOutput(r *analyzer.Run) string {
	if a := findAnswer(r, "output"); a != nil {
		if text := firstText(a.Stderr, a.Body); text != "" {
			return ": " + text[strings.LastIndexByte(text, '\n')+1:]
		}
	}
	return ""
}

func firstText(parts ...[]byte) string {
	for _, part := range parts {
		if text := strings.TrimSpace(string(part)); text != "" {
			return text
		}
	}
	return ""
}

// ends compares how a command ended, where no answer says so, and what signal ended it.
func (c *comparison) ends(want, got *analyzer.Run) {
	a, b := ending(want), ending(got)
	if a == b || want.Kind != analyzer.KindCommand || findAnswer(want, "output") != nil && want.Signal == got.Signal {
		return
	}
	if output := findAnswer(got, "output"); output != nil && output.Status != want.ExitCode {
		return // said with the answer
	}
	if c.again != nil && ending(c.again) != a {
		c.volatile("run")
		return
	}
	c.differ("run", "exit", a, b+lastOutput(got))
}

func ending(r *analyzer.Run) string {
	if r.Signal != "" {
		return r.Signal
	}
	return strconv.Itoa(r.ExitCode)
}

// sockets compares what a server listens on besides TCP, whose ports are probed.
func (c *comparison) sockets(want, got *analyzer.Run) {
	for _, s := range want.Listen {
		if s.Network == "tcp" || listensOn(got, s) {
			continue
		}
		name := s.Network + " " + strconv.Itoa(s.Port)
		if s.Network == "unix" {
			name = "unix " + s.Path.String()
		}
		if c.again != nil && !listensOn(c.again, s) {
			c.volatile("listen " + name)
			continue
		}
		c.differ("listen "+name, "error", "a socket", "none")
	}
}

// listensOn says whether a run has a socket like another's. The slim image has another user, and a process may have another number: in
// the name of a socket both vary.
func listensOn(r *analyzer.Run, s analyzer.Socket) bool {
	name := func(p layers.Path) string { return numbers.ReplaceAllString(string(p), "0") }
	return slices.ContainsFunc(r.Listen, func(o analyzer.Socket) bool {
		return o.Network == s.Network && o.Port == s.Port && name(o.Path) == name(s.Path)
	})
}

var numbers = regexp.MustCompile(`[0-9]+`)

func (c *comparison) answers(want, got, again *analyzer.Answer) {
	switch {
	case want.Status != got.Status:
		if again != nil && again.Status != want.Status {
			c.volatile(want.Probe)
			return
		}
		said := firstText(got.Stderr, got.Body)
		if got.Error != "" {
			said = got.Error
		}
		c.differ(want.Probe, statusWord(want, got), strconv.Itoa(want.Status), fmt.Sprintf("%d: %s", got.Status, said))
	case want.OK && !got.OK:
		if again != nil && !again.OK {
			c.volatile(want.Probe)
			return
		}
		c.differ(want.Probe, "error", "an answer", got.Error)
	default:
		c.parts(want, got, again)
	}
}

// statusWord is what the status of an answer is called. Requests have a method and an address, or a header.
func statusWord(want, got *analyzer.Answer) string {
	if want.Header != "" || got.Header != "" || want.Protocol != "" || strings.Contains(want.Probe, " http://") ||
		strings.Contains(want.Probe, " https://") {
		return "status"
	}
	return "exit"
}

// parts compares what was said in two answers of the same status.
func (c *comparison) parts(want, got, again *analyzer.Answer) {
	c.text(want.Probe, "header", []byte(want.Header), []byte(got.Header), func() []byte { return []byte(again.Header) }, again != nil)
	switch {
	case want.SHA256 == got.SHA256 && want.Size == got.Size:
	case !bytes.Equal(want.Body, got.Body):
		c.text(want.Probe, "body", want.Body, got.Body, func() []byte { return again.Body }, again != nil)
	case again != nil && again.SHA256 != want.SHA256:
		c.volatile(want.Probe) // beyond what is kept
	default:
		c.differ(want.Probe, "body",
			fmt.Sprintf("%d bytes, SHA-256 %s", want.Size, want.SHA256), fmt.Sprintf("%d bytes, SHA-256 %s", got.Size, got.SHA256))
	}
	if want.Probe != "healthcheck" { // what it printed while the application was starting is a matter of chance
		c.text(want.Probe, "stderr", want.Stderr, got.Stderr, func() []byte { return again.Stderr }, again != nil)
	}
}

// text compares one part of an answer, less what is volatile in the original.
func (c *comparison) text(probe, what string, want, got []byte, again func() []byte, second bool) {
	if bytes.Equal(c.home(want), got) {
		return
	}
	if len(want) < analyzer.MaxBody && c.versions.explains(c.home(want), got) { // of a longer one, only the beginning is known
		c.v.Versions = append(c.v.Versions, probe)
		return
	}
	if c.versions.old != nil && second && alike(c.versions.renew(c.home(want)), c.versions.renew(c.home(again())), got) {
		c.volatile(probe)
		return
	}
	if second && (alike(want, again(), got) || alike(c.home(want), c.home(again()), got)) {
		c.volatile(probe)
		return
	}
	a, b := firstDifference(want, got)
	c.differ(probe, what, a, b)
}

// homeOf makes the function that names one home directory in place of another: the slim image has another user, whose home is its own.
func homeOf(was, is string) func([]byte) []byte {
	if was == is || path.Clean("/"+was) == "/" || is == "" {
		return func(text []byte) []byte { return text }
	}
	home := regexp.MustCompile(`(^|[^\w./-])` + regexp.QuoteMeta(path.Clean(was)) + `($|[^\w.-])`)
	return func(text []byte) []byte {
		return home.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(path.Clean(is), "$", "$$")+"${2}"))
	}
}

// firstDifference is the first line of each that is not the other's.
func firstDifference(a, b []byte) (string, string) {
	linesA, linesB := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range max(len(linesA), len(linesB)) {
		if i >= len(linesA) || i >= len(linesB) || !bytes.Equal(linesA[i], linesB[i]) {
			return lineAt(linesA, i), lineAt(linesB, i)
		}
	}
	return "", ""
}

func lineAt(lines [][]byte, i int) string {
	switch {
	case i >= len(lines), i == len(lines)-1 && len(lines[i]) == 0:
		return "(nothing more)"
	case len(bytes.TrimSpace(lines[i])) == 0:
		return "(an empty line)"
	}
	return string(lines[i])
}

// maxShown is how much of an answer a difference shows, in bytes.
const maxShown = 160

// shorten makes one printable line.
func shorten(s string) string {
	s = strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) && r != '\ufffd' {
			return r
		}
		return ' '
	}, s[:min(len(s), 16*maxShown)])
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown-3], "") + "..."
	}
	return s
}

var absolutePath = regexp.MustCompile(`/[^\s'":;,()<>\[\]]+`)

// named is the first path in a text that the slim image misses, "" when there is none.
func (c *comparison) named(text string) layers.Path {
	for _, name := range absolutePath.FindAllString(text[:min(len(text), analyzer.MaxBody)], 100) {
		p := layers.CleanPath(strings.TrimRight(name, "."))
		if slices.ContainsFunc(c.v.Missing, func(m analyzer.MissingPath) bool { return m.Path == p }) {
			return p
		}
	}
	return ""
}
