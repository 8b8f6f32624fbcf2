package main

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
)

// progress shows on stderr what a build does: on a terminal a line for each stage, which it redraws; elsewhere each thing once, as lines.
type progress struct {
	mu      sync.Mutex
	view    view
	closed  bool
	keep    bool            // what BuildKit reports again, too
	ended   chan struct{}   // closed when there is nothing more to show
	forward sync.WaitGroup  // goroutines of status, and that of a terminal
	work    context.Context // of the command
}

// view is one form of the display. Its methods are called one at a time.
type view interface {
	event(e *bkclient.SolveStatus, now time.Time) // its text is printable
	note(line string)                             // a line of slim's own, which stays
	tick(now time.Time)                           // from time to time
	end(now time.Time)
}

// startProgress begins the display that --progress and --quiet ask for. Until the first event it shows nothing.
func (p *program) startProgress(c *cli.Context) (*progress, error) {
	mode := c.String("progress")
	if p.quiet {
		mode = "quiet"
	}
	show := &progress{ended: make(chan struct{}), keep: mode == "rawjson", work: c.Context}
	screen, err := openTerminal(p.stderr)
	switch mode {
	case "", "auto":
		if show.view = newPlainView(p.stderr); err == nil && !dumbTerminal() {
			show.view = newTerminalView(screen)
		}
	case "tty":
		if err != nil {
			return nil, usagef("--progress plain prints lines", "--progress tty: standard error is not a terminal")
		}
		show.view = newTerminalView(screen)
	case "plain":
		show.view = newPlainView(p.stderr)
	case "rawjson":
		show.view = rawView{p.stderr}
	case "quiet":
		show.view = quietView{p.stderr}
	default:
		return nil, usagef("--progress is one of auto, plain, tty, quiet, rawjson", "--progress %s: there is no such display", mode)
	}
	if _, ok := show.view.(*terminalView); ok {
		show.forward.Go(func() {
			animate(show.ended, func(now time.Time) { show.do(func(v view) { v.tick(now) }) })
		})
	}
	p.show.Store(show)
	return show, nil
}

// animate calls draw with the time, again and again, until ended is closed.
func animate(ended <-chan struct{}, draw func(now time.Time)) {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case now := <-ticker.C:
			draw(now)
		}
	}
}

// do calls f with the view, unless the display is closed; it reports whether it did.
func (s *progress) do(f func(view)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		f(s.view)
	}
	return !s.closed
}

// status returns a channel for one build, which closes it; a build that fails early may not.
func (s *progress) status() chan *bkclient.SolveStatus {
	in := make(chan *bkclient.SolveStatus)
	s.forward.Add(1)
	go func() {
		defer s.forward.Done()
		safe := newCleaner()
		once := newReplays()
		for {
			select {
			case event, ok := <-in:
				if !ok {
					return
				}
				if !s.keep {
					event = once.drop(event)
				}
				event = safe.clean(event)
				s.do(func(v view) { v.event(event, time.Now()) })
			case <-s.ended:
				return
			}
		}
	}()
	return in
}

// step shows a part of a stage; done ends it.
func (s *progress) step(stage builder.Stage, title string) (done func(error)) {
	started := time.Now()
	vertex := bkclient.Vertex{Digest: digest.FromString("slim stage " + title + started.String()), Name: "[slim] " + printable.Text(title),
		Started: &started}
	builder.StageVertex(&vertex, stage)
	s.stage(vertex)
	return func(err error) {
		completed := time.Now()
		vertex.Completed = &completed
		switch {
		case err != nil && s.work != nil && s.work.Err() != nil:
			vertex.Error = cancelledStage
		case err != nil:
			vertex.Error = printable.Lines(err.Error())
		}
		s.stage(vertex)
	}
}

func (s *progress) stage(vertex bkclient.Vertex) {
	s.do(func(v view) { v.event(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&vertex}}, time.Now()) })
}

// close ends the display when it has shown everything. It may be called again.
func (s *progress) close() {
	s.mu.Lock()
	again := s.closed
	s.mu.Unlock()
	if again {
		return
	}
	close(s.ended)
	s.forward.Wait()
	s.do(func(v view) { v.end(time.Now()) })
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
}

// step shows a part of a stage in the display, if there is one.
func (p *program) step(stage builder.Stage, title string) (done func(error)) {
	if show := p.show.Load(); show != nil {
		return show.step(stage, title)
	}
	return func(error) {}
}

// rawView prints every event of BuildKit, and every stage, as JSON.
type rawView struct{ io.Writer }

func (v rawView) event(e *bkclient.SolveStatus, _ time.Time) {
	_ = json.NewEncoder(v).Encode(e) // whoever closed stderr does not read it
}
func (v rawView) note(line string) { io.WriteString(v, line+"\n") }
func (rawView) tick(time.Time)     {}
func (rawView) end(time.Time)      {}

// quietView shows nothing but notes.
type quietView struct{ io.Writer }

func (quietView) event(*bkclient.SolveStatus, time.Time) {}
func (v quietView) note(line string)                     { io.WriteString(v, line+"\n") }
func (quietView) tick(time.Time)                         {}
func (quietView) end(time.Time)                          {}
