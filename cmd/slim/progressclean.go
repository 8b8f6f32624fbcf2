package main

import (
	"bytes"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer/printable"
)

// outputStream is what one step writes on standard output or standard error.
type outputStream struct {
	step   digest.Digest
	number int
}

// cleaner makes the events of a build safe to show: names of steps and files, errors, and what programs of the image write. BuildKit's
// display prints them as they are.
type cleaner struct{ streams map[outputStream]*cleanStream }

type cleanStream struct {
	*printable.Writer
	lines bytes.Buffer
}

func newCleaner() *cleaner { return &cleaner{streams: map[outputStream]*cleanStream{}} }

// clean returns the event with its text made printable. A line of output is shown when it is complete, or when its step ends.
func (c *cleaner) clean(event *bkclient.SolveStatus) *bkclient.SolveStatus {
	out := &bkclient.SolveStatus{}
	for _, log := range event.Logs {
		if safe := c.log(log); safe != nil {
			out.Logs = append(out.Logs, safe)
		}
	}
	for _, v := range event.Vertexes {
		safe := *v
		safe.Name, safe.Error = printable.Text(v.Name), printable.Lines(v.Error)
		if group := v.ProgressGroup; group != nil {
			safe.ProgressGroup = &pb.ProgressGroup{Id: printable.Text(group.Id), Name: printable.Text(group.Name), Weak: group.Weak}
		}
		out.Vertexes = append(out.Vertexes, &safe)
		if v.Completed != nil {
			out.Logs = append(out.Logs, c.rest(v)...)
		}
	}
	for _, s := range event.Statuses {
		safe := *s
		safe.ID, safe.Name = printable.Text(s.ID), printable.Text(s.Name)
		out.Statuses = append(out.Statuses, &safe)
	}
	for _, w := range event.Warnings {
		safe := *w
		safe.Short, safe.URL, safe.Detail = []byte(printable.Output(string(w.Short))), printable.Text(w.URL), nil
		for _, line := range w.Detail {
			safe.Detail = append(safe.Detail, []byte(printable.Output(string(line))))
		}
		safe.SourceInfo, safe.Range = nil, nil // the display would print lines of the Dockerfile
		out.Warnings = append(out.Warnings, &safe)
	}
	return out
}

// log is what is complete of a step's output; nil where no line is.
func (c *cleaner) log(log *bkclient.VertexLog) *bkclient.VertexLog {
	key := outputStream{log.Vertex, log.Stream}
	stream := c.streams[key]
	if stream == nil {
		stream = &cleanStream{}
		stream.Writer = printable.NewWriter(&stream.lines)
		c.streams[key] = stream
	}
	stream.Write(log.Data) // a buffer's write does not fail
	return stream.take(log)
}

// take is a log with the lines that are complete.
func (s *cleanStream) take(log *bkclient.VertexLog) *bkclient.VertexLog {
	if s.lines.Len() == 0 {
		return nil
	}
	safe := *log
	safe.Data = bytes.Clone(s.lines.Bytes())
	s.lines.Reset()
	return &safe
}

// rest is what a step that ended wrote without ending the line.
func (c *cleaner) rest(v *bkclient.Vertex) []*bkclient.VertexLog {
	var logs []*bkclient.VertexLog
	for number := range 3 { // BuildKit's are 1 and 2
		key := outputStream{v.Digest, number}
		stream := c.streams[key]
		if stream == nil {
			continue
		}
		stream.Close()
		if log := stream.take(&bkclient.VertexLog{Vertex: v.Digest, Stream: number, Timestamp: *v.Completed}); log != nil {
			logs = append(logs, log)
		}
		delete(c.streams, key)
	}
	return logs
}
