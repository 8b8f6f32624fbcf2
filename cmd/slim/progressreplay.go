package main

import (
	"time"

	bkclient "github.com/moby/buildkit/client"
)

// replays drops output that BuildKit reports again: whoever takes part in a step, as each solve of a build does that has the step in its
// graph, gets all of its output, with the times of the first report.
type replays struct{ last map[outputStream]time.Time }

func newReplays() *replays { return &replays{last: map[outputStream]time.Time{}} }

// drop returns the event without the output that was reported before.
func (r *replays) drop(e *bkclient.SolveStatus) *bkclient.SolveStatus {
	fresh := *e
	fresh.Logs = nil
	for _, log := range e.Logs {
		key := outputStream{log.Vertex, log.Stream}
		if log.Timestamp.After(r.last[key]) {
			r.last[key] = log.Timestamp
			fresh.Logs = append(fresh.Logs, log)
		}
	}
	return &fresh
}
