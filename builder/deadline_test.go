package builder

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
)

// A run whose agent does not answer ends, counted from the start of the application. One that has not begun does not, nor one that has
// ended.
func TestDeadline(t *testing.T) {
	step := digest.FromString("step")
	start := &bkclient.SolveStatus{Logs: []*bkclient.VertexLog{{Vertex: step, Data: []byte(analyzer.StartLine + "\n")}}}
	const timeout = 5
	limit := analyzer.RunTime(timeout) + deadlineSlack
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		ctx, stop := d.limit(t.Context(), "observe", timeout)
		other, stopOther := d.limit(t.Context(), "observe: another", timeout)
		defer stopOther()
		began := time.Now()
		d.see(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{{Digest: step, Name: stepName("observe"), Started: &began}}})
		time.Sleep(2 * limit)
		if ctx.Err() != nil {
			t.Error("a run ended before it began")
		}
		d.see(start)
		time.Sleep(limit - time.Second)
		d.see(start) // the application prints the line, too
		if ctx.Err() != nil {
			t.Error("a run ended early")
		}
		time.Sleep(2 * time.Second)
		var late *DeadlineError
		if !errors.As(context.Cause(ctx), &late) || other.Err() != nil {
			t.Errorf("after the deadline: %v, the other run %v", context.Cause(ctx), other.Err())
		}
		stop()
	})
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		ctx, stop := d.limit(t.Context(), "observe", timeout)
		defer stop()
		began := time.Now()
		d.see(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{{Digest: step, Name: stepName("observe"), Started: &began}}})
		time.Sleep(maxSetUp + time.Second)
		if ctx.Err() == nil {
			t.Error("a step whose agent never starts does not end")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		ctx, stop := d.limit(t.Context(), "observe", timeout)
		began := time.Now()
		d.see(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{{Digest: step, Name: stepName("observe"), Started: &began}}, Logs: start.Logs})
		stop()
		time.Sleep(2 * limit)
		var late *DeadlineError
		if errors.As(context.Cause(ctx), &late) {
			t.Error("the deadline of a run that has ended passed")
		}
	})
}
