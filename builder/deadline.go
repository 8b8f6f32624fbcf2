package builder

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
)

// deadlineSlack is how much longer than the agent this client waits for a run, which the agent ends itself.
const deadlineSlack = 5 * time.Second

// DeadlineError says that a run did not end in time and that its agent did not end it either.
type DeadlineError struct {
	Title   string // of the run
	Seconds int    // since the application started
}

func (e *DeadlineError) Error() string {
	return fmt.Sprintf("%s: the run did not end within %d s (--timeout), and its agent does not answer", e.Title, e.Seconds)
}

// maxSetUp is the time that BuildKit has to start the agent in a step, in which it may unpack the image.
const maxSetUp = 15 * time.Minute

// deadlines end runs that go on for too long, whatever happens to the agent. The time counts from the line that the agent prints before
// the application starts.
type deadlines struct {
	mu    sync.Mutex
	names map[digest.Digest]string // of BuildKit's steps
	runs  map[string]*limited      // by the name of their step
}

// limited is one run.
type limited struct {
	after  time.Duration // since the application started
	expire func()
	timer  *time.Timer // nil before the step begins
	begun  bool        // the application has started
}

// limit returns a context for the run of a job, in the step of the given title. It ends with a DeadlineError.
func (d *deadlines) limit(ctx context.Context, title string, timeout int) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	run := &limited{after: analyzer.RunTime(timeout) + deadlineSlack}
	run.expire = func() { cancel(&DeadlineError{title, int(run.after.Seconds())}) }
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.runs == nil {
		d.runs = map[string]*limited{}
	}
	name := stepName(title)
	d.runs[name] = run
	return ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.runs[name] == run {
			delete(d.runs, name)
		}
		if run.timer != nil {
			run.timer.Stop()
		}
		cancel(nil)
	}
}

// see starts the clocks of the runs that have begun according to BuildKit's progress.
func (d *deadlines) see(status *bkclient.SolveStatus) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names == nil {
		d.names = map[digest.Digest]string{}
	}
	for _, vertex := range status.Vertexes {
		d.names[vertex.Digest] = vertex.Name
		if run := d.runs[vertex.Name]; run != nil && run.timer == nil && vertex.Started != nil {
			run.timer = time.AfterFunc(maxSetUp, run.expire)
		}
	}
	for _, log := range status.Logs {
		run := d.runs[d.names[log.Vertex]]
		if run != nil && run.timer != nil && !run.begun && bytes.Contains(log.Data, []byte(analyzer.StartLine)) {
			run.begun = true
			run.timer.Reset(run.after)
		}
	}
}
