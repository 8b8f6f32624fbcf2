package main

import (
	"fmt"
	"strings"
	"time"

	bkclient "github.com/moby/buildkit/client"
)

// maxTailLines is how many lines of output stand below a stage that is at work.
const maxTailLines = 6

// terminalView redraws a line for each stage, and below the one at work the last lines of its output. It never hides the cursor, which is
// below the last line between two drawings, and each drawing is one write: whatever ends slim, the terminal is in order.
type terminalView struct {
	screen *terminal
	model  *buildModel
	drawn  []string // lines of the last drawing
}

func newTerminalView(s *terminal) *terminalView {
	return &terminalView{screen: s, model: newBuildModel()}
}

func (v *terminalView) event(e *bkclient.SolveStatus, now time.Time) {
	for _, c := range v.model.apply(e, now) {
		switch c.kind {
		case stageBegan:
			v.draw(now, "", false)
		case warned:
			v.draw(now, fmt.Sprintf("slim: warning: %s: %s", c.step.title, c.text), false)
		}
	}
}

func (v *terminalView) tick(now time.Time) { v.draw(now, "", false) }
func (v *terminalView) note(line string)   { v.draw(time.Now(), line, false) }
func (v *terminalView) end(now time.Time)  { v.draw(now, "", true) }

// draw replaces the last drawing, after a line above it that stays. The last drawing of all has the output of a stage that failed.
func (v *terminalView) draw(now time.Time, above string, last bool) {
	width, height := v.screen.size()
	lines := v.lines(now, width-1, height-1, last)
	var b strings.Builder
	if n := rows(v.drawn, width); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dF", n) // ECMA-48: CPL
	}
	if above != "" {
		b.WriteString(above + "\x1b[K\n") // EL
	}
	for _, line := range lines {
		b.WriteString(line.style(v.screen.colour) + "\x1b[K\n")
	}
	if len(v.drawn) > 0 {
		b.WriteString("\x1b[J") // ED
	}
	v.drawn = v.drawn[:0]
	for _, line := range lines {
		v.drawn = append(v.drawn, line.text)
	}
	if b.Len() > 0 {
		_, _ = v.screen.Write([]byte(b.String())) // a broken terminal does not stop a build
	}
}

// rows is how many rows lines take on a terminal of a width: one that has become narrower has broken them.
func rows(lines []string, width int) (n int) {
	for _, line := range lines {
		n += 1 + max(0, textWidth(line)-1)/max(1, width)
	}
	return n
}

// styled is a line and how it looks.
type styled struct {
	text string
	look string // parameters of ECMA-48's SGR, "" for none
}

const (
	lookNow    = "1"  // bold
	lookFailed = "31" // red
	lookOutput = "2"  // faint
)

func (s styled) style(colour bool) string {
	if !colour || s.look == "" || s.text == "" {
		return s.text
	}
	return "\x1b[" + s.look + "m" + s.text + "\x1b[0m"
}

// lines are those of the stages and of the output, within a width and a height.
func (v *terminalView) lines(now time.Time, width, height int, last bool) (list []styled) {
	stages := v.model.shown()
	working := -1 // line of the last stage at work, or of one that failed in the last drawing
	for i, s := range stages {
		line := styled{text: strings.TrimRight(fmt.Sprintf("%-8s %7s  %s", s.name, seconds(s.time(now)), s.now()), " ")}
		switch {
		case s.failed != "":
			line.text, line.look = fmt.Sprintf("%-8s %7s  %s", s.name, seconds(s.time(now)), s.failed), lookFailed
		case s.open > 0:
			line.look = lookNow
		}
		if s.open > 0 && !last || s.failed == failedStage && last {
			working = i
		}
		line.text = clip(line.text, width)
		list = append(list, line)
	}
	if working >= 0 {
		limit := maxTailLines
		if last {
			limit = maxShownOutput
		} else {
			limit = min(limit, height-len(list))
		}
		list = withOutput(list, working, stages[working].output, limit, width)
	}
	if !last && len(list) > height { // the end is where the work is
		list = list[len(list)-max(1, height):]
	}
	return list
}

// withOutput inserts the last lines of output below a line.
func withOutput(list []styled, at int, output []string, limit, width int) []styled {
	output = output[max(0, len(output)-max(0, limit)):]
	all := append([]styled{}, list[:at+1]...)
	for _, line := range output {
		all = append(all, styled{clip("         | "+line, width), lookOutput})
	}
	return append(all, list[at+1:]...)
}
