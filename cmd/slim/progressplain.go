package main

import (
	"fmt"
	"io"
	"time"

	bkclient "github.com/moby/buildkit/client"
)

// Bounds of what a log holds, whatever a program prints.
const (
	maxPlainLine  = 1000 // bytes
	maxPlainLines = 1000 // of one step; the last maxShownOutput of its stage are shown when it fails
)

// plainView prints each thing once, as a line with its stage and the seconds since the build began.
type plainView struct {
	w      io.Writer
	model  *buildModel
	ended  *change            // the end of a part, which is printed when another part begins
	at     time.Time          // when that was
	part   change             // the last that began
	since  time.Time          // when it did
	source *stepModel         // of the last line of output
	lines  map[*stepModel]int // printed of each step
}

func newPlainView(w io.Writer) *plainView {
	return &plainView{w: w, model: newBuildModel(), lines: map[*stepModel]int{}}
}

func (v *plainView) note(line string) { io.WriteString(v.w, line+"\n") }
func (v *plainView) tick(time.Time)   {}
func (v *plainView) end(time.Time)    { v.flush() }

func (v *plainView) event(e *bkclient.SolveStatus, now time.Time) {
	for _, c := range v.model.apply(e, now) {
		v.change(c, now)
	}
}

// change prints a change. Slim's own steps are not shown: their stage is.
func (v *plainView) change(c change, now time.Time) {
	switch c.kind {
	case stageBegan:
		v.begin(c, now)
	case stageEnded:
		c.took = now.Sub(v.since)
		v.ended, v.at = &c, now
	case stageFailed:
		v.ended = nil
		v.failed(c, now)
	case stepBegan:
		if !c.step.own {
			v.source = c.step
			v.line(c, now, c.text)
		}
	case stepCached:
		if !c.step.own {
			v.line(c, now, "cached: "+c.text)
		} else if c.text == c.stage.title {
			v.line(c, now, "from BuildKit's cache")
		}
	case stepFailed:
		v.line(c, now, c.step.title+": "+c.text)
	case warned:
		v.line(c, now, "warning: "+c.text)
	case agentSaid:
		v.output(c, now, c.text)
	case printed:
		v.output(c, now, "| "+c.text)
	}
}

// begin prints that a part of a stage begins, unless it is the last one that goes on.
func (v *plainView) begin(c change, now time.Time) {
	same := v.part.stage == c.stage && v.part.text == c.text
	if same && v.ended != nil {
		v.ended = nil
		return
	}
	v.flush()
	v.part, v.since, v.source = c, now, nil
	v.line(c, now, c.text)
}

// flush prints the end of a part.
func (v *plainView) flush() {
	if v.ended != nil {
		v.line(*v.ended, v.at, "done in "+seconds(v.ended.took))
		v.ended = nil
	}
}

// failed prints that a stage failed, and the end of its output if that was left out.
func (v *plainView) failed(c change, now time.Time) {
	if v.source != nil && v.lines[v.source] > maxPlainLines {
		v.line(c, now, "the last lines of the output:")
		for _, text := range c.stage.output {
			v.line(c, now, "| "+text)
		}
	}
	v.line(c, now, c.stage.failed+" after "+seconds(now.Sub(v.since)))
}

// output prints a line of a step, after the name of the step where it is not the one before.
func (v *plainView) output(c change, now time.Time, text string) {
	if v.lines[c.step]++; v.lines[c.step] > maxPlainLines {
		if v.lines[c.step] == maxPlainLines+1 {
			v.line(c, now, fmt.Sprintf("more than %d lines: the others are left out (--progress rawjson has them)", maxPlainLines))
		}
		return
	}
	if v.source != c.step && (v.source != nil || c.step.title != v.part.text) {
		v.line(c, now, c.step.title+":")
	}
	v.source = c.step
	v.line(c, now, text)
}

func (v *plainView) line(c change, now time.Time, text string) {
	if len(text) > maxPlainLine {
		text = clip(text, maxPlainLine)
	}
	fmt.Fprintf(v.w, "%-8s %6s  %s\n", c.stage.name, seconds(now.Sub(v.model.begin)), text)
}

// seconds is a duration as a display has it.
func seconds(d time.Duration) string {
	if d >= time.Hour {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}
