package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// Bounds of what a display remembers, whatever a build reports.
const (
	maxShownSteps  = 10_000
	maxShownLoads  = 1000 // downloads, transfers and the like of one step
	maxShownOutput = 20   // last lines of a stage
)

// buildModel is a build in stages, as its events tell. The time of a stage is that of this machine: an engine's clock may be another.
type buildModel struct {
	begin  time.Time // of the first event
	stages map[builder.Stage]*stageModel
	steps  map[digest.Digest]*stepModel
	names  map[string]*stepModel // the first step of each name
	parts  map[digest.Digest]bool
}

// What a stage that did not end well is called.
const (
	failedStage    = "failed"
	cancelledStage = "cancelled"
)

// stageModel is a stage that has begun.
type stageModel struct {
	name   builder.Stage
	open   int           // parts at work
	since  time.Time     // when the first of them began
	took   time.Duration // of those before
	title  string        // of the last part
	failed string        // failedStage or cancelledStage, "" for neither
	steps  []*stepModel  // those that are at work
	cached bool          // BuildKit had the step of the stage's name
	output []string      // the last lines
}

// stepModel is a step of BuildKit.
type stepModel struct {
	stage   *stageModel
	title   string
	own     bool // slim's own, and not one of a Dockerfile or an exporter
	repeat  bool // an earlier step has its name
	began   bool
	ended   bool
	working bool
	doing   string // what the agent in it said last
	loads   []*bkclient.VertexStatus
}

// change is one thing that happened.
type change struct {
	kind  changeKind
	stage *stageModel
	step  *stepModel    // nil for a stage
	text  string        // a title, or a line of output
	took  time.Duration // of what ended
}

type changeKind int

const (
	stageBegan changeKind = iota
	stageEnded
	stageFailed
	stepBegan
	stepCached
	stepFailed
	agentSaid
	printed // by a program
	warned
)

func newBuildModel() *buildModel {
	return &buildModel{stages: map[builder.Stage]*stageModel{}, steps: map[digest.Digest]*stepModel{}, names: map[string]*stepModel{},
		parts: map[digest.Digest]bool{}}
}

// apply takes over an event and returns what it changed. Steps that repeat what is done change nothing.
func (m *buildModel) apply(e *bkclient.SolveStatus, now time.Time) (all []change) {
	if m.begin.IsZero() {
		m.begin = now
	}
	for _, v := range e.Vertexes {
		if stage, whole := builder.StageOf(v); whole {
			all = append(all, m.part(stage, v, now)...)
		} else if step := m.step(v, stage); step != nil {
			all = append(all, step.update(v)...)
		}
	}
	for _, s := range e.Statuses {
		if step := m.steps[s.Vertex]; step != nil {
			step.load(s)
		}
	}
	for _, l := range e.Logs {
		if step := m.steps[l.Vertex]; step != nil {
			for line := range strings.Lines(string(l.Data)) {
				all = append(all, step.line(strings.TrimRight(line, "\n")))
			}
		}
	}
	for _, w := range e.Warnings {
		if step := m.steps[w.Vertex]; step != nil {
			all = append(all, change{kind: warned, stage: step.stage, step: step, text: string(w.Short)})
		}
	}
	return all
}

// stage is a stage, which begins when it is first asked for.
func (m *buildModel) stage(name builder.Stage) *stageModel {
	s := m.stages[name]
	if s == nil {
		s = &stageModel{name: name}
		m.stages[name] = s
	}
	return s
}

// shown are the stages that have begun, in their order.
func (m *buildModel) shown() (list []*stageModel) {
	for _, name := range builder.Stages() {
		if s := m.stages[name]; s != nil {
			list = append(list, s)
		}
	}
	return list
}

// part begins or ends a part of a stage.
func (m *buildModel) part(name builder.Stage, v *bkclient.Vertex, now time.Time) []change {
	s := m.stage(name)
	if !m.parts[v.Digest] {
		m.parts[v.Digest] = true
		if s.title = builder.StepTitle(v); s.open == 0 {
			s.since = now
		}
		s.open++
		s.output = nil // of an earlier part
		return []change{{kind: stageBegan, stage: s, text: s.title}}
	}
	if v.Completed == nil || s.open == 0 {
		return nil
	}
	if s.open--; s.open > 0 && v.Error == "" {
		return nil
	}
	took := now.Sub(s.since)
	if s.open == 0 {
		s.took += took
	}
	switch {
	case v.Error == "":
	case s.failed != "":
		return nil
	case v.Error == cancelledStage:
		s.failed = cancelledStage
		return []change{{kind: stageFailed, stage: s, took: took}}
	default:
		s.failed = failedStage
		return []change{{kind: stageFailed, stage: s, took: took}}
	}
	return []change{{kind: stageEnded, stage: s, took: took}}
}

// time is how long a stage has been at work.
func (s *stageModel) time(now time.Time) time.Duration {
	if s.open == 0 {
		return s.took
	}
	return s.took + now.Sub(s.since)
}

// step is the step of a vertex. What slim did not make belongs to the import, until the export has begun.
func (m *buildModel) step(v *bkclient.Vertex, stage builder.Stage) *stepModel {
	step := m.steps[v.Digest]
	if step != nil || len(m.steps) == maxShownSteps {
		return step
	}
	step = &stepModel{title: builder.StepTitle(v), own: stage != ""}
	if stage == "" {
		if stage = builder.StageImport; m.stages[builder.StageExport] != nil {
			stage = builder.StageExport
		}
	}
	step.stage = m.stage(stage)
	if first := m.names[v.Name]; first != nil {
		step.repeat, step.stage = true, first.stage
	} else {
		m.names[v.Name] = step
	}
	m.steps[v.Digest] = step
	return step
}

// update takes over the state of a vertex. One that BuildKit had in its cache began and ended in the same event. A source works twice: it
// is looked for, and later fetched.
func (step *stepModel) update(v *bkclient.Vertex) (all []change) {
	working := v.Started != nil && v.Completed == nil
	if working != step.working {
		step.working = working
		step.stage.steps = slices.DeleteFunc(step.stage.steps, func(other *stepModel) bool { return other == step })
		if working {
			step.stage.steps = append(step.stage.steps, step)
		}
	}
	if v.Started != nil && !step.began && !(v.Cached && v.Completed != nil) {
		step.began = true
		all = append(all, change{kind: stepBegan, stage: step.stage, step: step, text: step.title})
	}
	if v.Completed == nil || step.ended {
		return all
	}
	step.ended = true
	switch {
	case strings.HasSuffix(v.Error, context.Canceled.Error()): // slim does not need it, or ends as a whole, which the stage says
	case v.Error != "":
		all = append(all, change{kind: stepFailed, stage: step.stage, step: step, text: v.Error})
	case v.Cached && !step.repeat:
		step.stage.cached = step.stage.cached || step.title == string(step.stage.name)
		all = append(all, change{kind: stepCached, stage: step.stage, step: step, text: step.title})
	}
	return all
}

// load takes over how far a part of a step is.
func (step *stepModel) load(s *bkclient.VertexStatus) {
	for i, old := range step.loads {
		if old.ID == s.ID {
			step.loads[i] = s
			return
		}
	}
	if len(step.loads) < maxShownLoads {
		step.loads = append(step.loads, s)
	}
}

// line takes over a line of output: one of the agent, or one of a program.
func (step *stepModel) line(line string) change {
	if step.own {
		if text, ok := analyzer.AgentLine(line); ok {
			step.doing = text
			return change{kind: agentSaid, stage: step.stage, step: step, text: text}
		}
	}
	step.stage.output = append(step.stage.output, line)
	if n := len(step.stage.output) - maxShownOutput; n > 0 {
		step.stage.output = append(step.stage.output[:0], step.stage.output[n:]...)
	}
	return change{kind: printed, stage: step.stage, step: step, text: line}
}

// now is what a stage is doing or did, "" where there is no more to say than its name.
func (s *stageModel) now() string {
	if len(s.steps) == 0 || s.open == 0 {
		switch {
		case s.cached:
			return "from BuildKit's cache"
		case s.title == string(s.name) || s.open == 0 && s.name != builder.StageImport:
			return ""
		}
		return s.title
	}
	step := s.steps[len(s.steps)-1]
	for _, text := range []string{step.doing, step.progress()} {
		if text == "" {
			continue
		}
		if step.title == string(s.name) {
			return text
		}
		return step.title + ": " + text
	}
	if step.title == string(s.name) {
		return ""
	}
	return step.title
}

// progress is how far the downloads and transfers of a step are.
func (step *stepModel) progress() string {
	var current, total int64
	last := ""
	for _, s := range step.loads {
		current, total = current+s.Current, total+s.Total
		if s.Completed != nil {
			continue
		}
		if last = strings.TrimSuffix(s.ID, ":"); s.Current > 0 {
			last += " " + megabytes(s.Current)
		}
	}
	switch {
	case total > 0 && current < total:
		return fmt.Sprintf("%s of %s", megabytes(current), megabytes(total))
	case last != "":
		return last
	}
	return ""
}
