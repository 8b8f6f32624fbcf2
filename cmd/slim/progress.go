package main

import (
	"context"
	"sync"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/printable"
)

// progress shows BuildKit's steps and slim's stages on stderr: a live view on a terminal, plain lines
// elsewhere.
type progress struct {
	events  chan *bkclient.SolveStatus // read by the display
	ended   chan struct{}              // closed when there is nothing more to show
	shown   chan struct{}              // closed when the display is done
	forward sync.WaitGroup             // goroutines of status
	mu      sync.RWMutex               // held for reading by senders to events
	closed  bool                       // events is closed
}

// startProgress begins the display that --progress and --quiet ask for.
func (p *program) startProgress(c *cli.Context) (*progress, error) {
	mode := progressui.DisplayMode(c.String("progress"))
	if p.quiet {
		mode = progressui.QuietMode
	}
	display, err := progressui.NewDisplay(p.stderr, mode, progressui.WithPhase("Slimming"))
	if err != nil {
		return nil, usagef("--progress is one of auto, plain, tty, quiet, rawjson", "--progress %s: %v", mode, err)
	}
	show := &progress{events: make(chan *bkclient.SolveStatus), ended: make(chan struct{}), shown: make(chan struct{})}
	go func() {
		defer close(show.shown)
		// Not the command's context: the display must drain what BuildKit sends after an interrupt.
		if _, err := display.UpdateFrom(context.Background(), show.events); err != nil {
			for range show.events { // a broken terminal does not stop the build
			}
		}
	}()
	return show, nil
}

// status returns a channel for one build, which closes it; a build that fails early may not.
func (s *progress) status() chan *bkclient.SolveStatus {
	in := make(chan *bkclient.SolveStatus)
	s.forward.Add(1)
	go func() {
		defer s.forward.Done()
		safe := newCleaner()
		for {
			select {
			case event, ok := <-in:
				if !ok {
					return
				}
				s.send(safe.clean(event))
			case <-s.ended:
				return
			}
		}
	}()
	return in
}

// step shows one stage of the work; done ends it.
func (s *progress) step(name string) (done func(error)) {
	started := time.Now()
	vertex := bkclient.Vertex{Digest: digest.FromString("slim stage " + name + started.String()), Name: "[slim] " + printable.Text(name),
		Started: &started}
	s.stage(vertex)
	return func(err error) {
		completed := time.Now()
		vertex.Completed = &completed
		if err != nil {
			vertex.Error = printable.Lines(err.Error())
		}
		s.stage(vertex)
	}
}

func (s *progress) stage(vertex bkclient.Vertex) {
	s.send(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&vertex}})
}

// send gives the display an event; after close it does nothing.
func (s *progress) send(event *bkclient.SolveStatus) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.closed {
		s.events <- event
	}
}

// close ends the display and waits until it has shown everything.
func (s *progress) close() {
	close(s.ended)
	s.forward.Wait()
	s.mu.Lock()
	s.closed = true
	close(s.events)
	s.mu.Unlock()
	<-s.shown
}
