package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/builder"
)

// recorded are the events that --progress rawjson printed, each with the time when it was printed.
func recorded(t *testing.T, name string) (events []*bkclient.SolveStatus, times []time.Time) {
	t.Helper()
	data, err := os.ReadFile("testdata/progress/" + name + ".rawjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	var now time.Time
	for lines.Scan() {
		event := &bkclient.SolveStatus{}
		if err := json.Unmarshal(lines.Bytes(), event); err != nil {
			t.Fatal(err)
		}
		for _, at := range timesIn(event) {
			if at != nil && at.After(now) {
				now = *at
			}
		}
		events, times = append(events, event), append(times, now)
	}
	return events, times
}

func timesIn(e *bkclient.SolveStatus) (all []*time.Time) {
	for _, v := range e.Vertexes {
		all = append(all, v.Started, v.Completed)
	}
	for _, s := range e.Statuses {
		all = append(all, &s.Timestamp)
	}
	for _, l := range e.Logs {
		all = append(all, &l.Timestamp)
	}
	return all
}

// play shows recorded events in a view and calls after each.
func play(t *testing.T, name string, v view, after func(e *bkclient.SolveStatus, now time.Time)) {
	t.Helper()
	events, times := recorded(t, name)
	once := newReplays()
	for i, e := range events {
		v.event(once.drop(e), times[i])
		after(e, times[i])
	}
	v.end(times[len(times)-1])
}

// golden compares text with a file, which -update rewrites.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

// TestPlainProgress holds that a log has each step, each probe and each line of output once.
func TestPlainProgress(t *testing.T) {
	for _, name := range []string{"redis", "dockerfile"} {
		var out bytes.Buffer
		play(t, name, newPlainView(&out), func(*bkclient.SolveStatus, time.Time) {})
		golden(t, "testdata/progress/"+name+".plain", out.String())
	}
}

// TestTerminalProgress holds what a terminal shows before each stage ends, and at the end.
func TestTerminalProgress(t *testing.T) {
	for _, test := range []struct {
		name          string
		width, height int
	}{{"redis", 100, 30}, {"dockerfile", 100, 30}, {"redis", 40, 6}, {"dockerfile", 12, 3}} {
		s := &fakeScreen{width: test.width, height: test.height}
		v := newTerminalView(&terminal{Writer: s, size: func() (int, int) { return s.width, s.height }})
		var shown strings.Builder
		last, number := "", 0
		play(t, test.name, v, func(e *bkclient.SolveStatus, now time.Time) {
			v.tick(now)
			if len(v.drawn) >= test.height {
				t.Fatalf("%s: %d lines are drawn on a terminal of %d", test.name, len(v.drawn), test.height)
			}
			for _, vertex := range e.Vertexes {
				if _, whole := builder.StageOf(vertex); whole && vertex.Completed != nil {
					fmt.Fprintf(&shown, "--- before %s ends:\n%s", vertex.Name, last)
				}
			}
			if last = s.text(); number%20 == 10 {
				fmt.Fprintf(&shown, "--- after event %d:\n%s", number, last)
			}
			number++
		})
		fmt.Fprintf(&shown, "--- at the end:\n%s", s.text())
		golden(t, fmt.Sprintf("testdata/progress/%s.%dx%d", test.name, test.width, test.height), shown.String())
	}
}

// TestTerminalNarrower has a terminal that breaks the lines of the last drawing when it becomes narrower, and notes between the drawings.
func TestTerminalNarrower(t *testing.T) {
	s := &fakeScreen{width: 60, height: 20}
	v := newTerminalView(&terminal{Writer: s, size: func() (int, int) { return s.width, s.height }})
	began := time.Unix(0, 0)
	part := &bkclient.Vertex{Digest: digest.FromString("import"), Name: "[slim] " + strings.Repeat("long ", 8), Started: &began}
	builder.StageVertex(part, builder.StageImport)
	v.event(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{part}}, began)
	s.resize(30)
	v.draw(began, "slim: a note", false)
	v.draw(began.Add(2*time.Second), "", false)
	if got, want := s.text(), "slim: a note\nimport      2.0s  long lon...\n"; got != want {
		t.Errorf("the screen is\n%s\nwant\n%s", got, want)
	}
}

// TestColour holds that there are colours, that each line ends them, and that they can be switched off.
func TestColour(t *testing.T) {
	for _, colour := range []bool{true, false} {
		var out bytes.Buffer
		v := newTerminalView(&terminal{Writer: &out, size: func() (int, int) { return 80, 24 }, colour: colour})
		play(t, "dockerfile", v, func(*bkclient.SolveStatus, time.Time) {})
		text := out.String()
		if got := strings.Contains(text, "\x1b[1m"); got != colour {
			t.Errorf("bold = %t, want %t", got, colour)
		}
		for line := range strings.Lines(text) {
			if i := strings.LastIndex(line, "m"); strings.Contains(line, "\x1b[1m") && !strings.HasSuffix(line[:i+1], "\x1b[0m") {
				t.Errorf("%q does not end its look", line)
			}
		}
		if strings.Contains(text, "\x1b[?") {
			t.Error("the display changes a mode of the terminal, which an end of slim would leave so")
		}
	}
}

// TestPlainBounds has a program that prints without end.
func TestPlainBounds(t *testing.T) {
	var out bytes.Buffer
	v := newPlainView(&out)
	now := time.Unix(0, 0)
	part := bkclient.Vertex{Digest: digest.FromString("part"), Name: "[slim] observe", Started: &now}
	builder.StageVertex(&part, builder.StageObserve)
	step := bkclient.Vertex{Digest: digest.FromString("step"), Name: "[slim] observe", Started: &now,
		ProgressGroup: &pb.ProgressGroup{Id: "slim.step.observe"}}
	v.event(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&part, &step}}, now)
	long := strings.Repeat("y", 2*maxPlainLine)
	for range 3 * maxPlainLines {
		v.event(&bkclient.SolveStatus{Logs: []*bkclient.VertexLog{{Vertex: step.Digest, Data: []byte(long + "\n")}}}, now)
	}
	part.Completed, part.Error = &now, "it failed"
	v.event(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&part}}, now)
	lines := strings.Split(out.String(), "\n")
	if n := len(lines); n < maxPlainLines || n > maxPlainLines+maxShownOutput+10 {
		t.Errorf("%d lines are shown, want about %d", n, maxPlainLines)
	}
	for _, line := range lines {
		if len(line) > maxPlainLine+30 {
			t.Fatalf("a line has %d bytes", len(line))
		}
	}
	if !strings.Contains(out.String(), "the others are left out") || !strings.HasSuffix(out.String(), "failed after 0.0s\n") {
		t.Errorf("the log ends with\n%s", strings.Join(lines[max(0, len(lines)-5):], "\n"))
	}
}

// TestClip bounds lines in columns.
func TestClip(t *testing.T) {
	for _, test := range []struct {
		line  string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcdef", 5, "ab..."}, {"世界世界", 8, "世界世界"}, {"世界世界", 7, "世界..."}, {"abc", 2, ".."}, {"abc", 0, ""},
	} {
		if got := clip(test.line, test.limit); got != test.want || textWidth(got) > test.limit {
			t.Errorf("clip(%q, %d) = %q, want %q", test.line, test.limit, got, test.want)
		}
	}
}

// fakeScreen is a terminal of a size that knows what the display uses of ECMA-48. Lines that are too long are broken.
type fakeScreen struct {
	width, height int
	lines         []string // unbroken; the last is that of the cursor
}

func (s *fakeScreen) Write(p []byte) (int, error) {
	text := string(p)
	if len(s.lines) == 0 {
		s.lines = []string{""}
	}
	at, column := len(s.lines)-1, 0
	for text != "" {
		switch rest, escape := strings.CutPrefix(text, "\x1b["); {
		case escape:
			end := strings.IndexAny(rest, "FJKm")
			n, _ := strconv.Atoi(rest[:end])
			switch rest[end] {
			case 'F':
				for rows := 0; rows < n; at-- {
					rows += 1 + max(0, len(s.lines[at-1])-1)/s.width
				}
				column = 0
			case 'K':
				s.lines[at] = s.lines[at][:column]
			case 'J':
				s.lines = append(s.lines[:at], s.lines[at][:column])
			}
			text = rest[end+1:]
		case text[0] == '\n':
			if at++; at == len(s.lines) {
				s.lines = append(s.lines, "")
			}
			column, text = 0, text[1:]
		default:
			line := s.lines[at]
			s.lines[at] = line[:column] + text[:1] + line[min(len(line), column+1):]
			column, text = column+1, text[1:]
		}
	}
	return len(p), nil
}

func (s *fakeScreen) resize(width int) { s.width = width }

// text is what is on the screen and above it, up to the cursor.
func (s *fakeScreen) text() string { return strings.Join(s.lines, "\n") }

// TestStepCancelled: a step that slim began ahead and did not need leaves no line, one that failed does.
func TestStepCancelled(t *testing.T) {
	for failure, want := range map[string]int{"process did not complete successfully: context canceled": 0, "exit code: 1": 1} {
		now := time.Unix(0, 0)
		step := bkclient.Vertex{Digest: digest.FromString("step"), Name: "[slim] check as any user", Started: &now, Completed: &now,
			Error: failure, ProgressGroup: &pb.ProgressGroup{Id: "slim.step.check"}}
		failed := 0
		for _, c := range newBuildModel().apply(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&step}}, now) {
			if c.kind == stepFailed {
				failed++
			}
		}
		if failed != want {
			t.Errorf("%q: %d failures, want %d", failure, failed, want)
		}
	}
}

// TestTerminalFailure leaves the end of the output of the stage that failed on the screen, and nothing of one that was cancelled.
func TestTerminalFailure(t *testing.T) {
	for failure, want := range map[string]string{
		"no space":     "observe     0.0s  failed\n         | one\n         | two\n",
		cancelledStage: "observe     0.0s  cancelled\n",
	} {
		s := &fakeScreen{width: 80, height: 24}
		v := newTerminalView(&terminal{Writer: s, size: func() (int, int) { return s.width, s.height }})
		now := time.Unix(0, 0)
		part := bkclient.Vertex{Digest: digest.FromString("part"), Name: "[slim] observe", Started: &now}
		builder.StageVertex(&part, builder.StageObserve)
		step := bkclient.Vertex{Digest: digest.FromString("step"), Name: "[slim] observe", Started: &now,
			ProgressGroup: &pb.ProgressGroup{Id: "slim.step.observe"}}
		begun := part
		v.event(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&begun, &step},
			Logs: []*bkclient.VertexLog{{Vertex: step.Digest, Data: []byte("one\ntwo\n")}}}, now)
		part.Completed, part.Error = &now, failure
		v.event(&bkclient.SolveStatus{Vertexes: []*bkclient.Vertex{&part}}, now)
		v.end(now)
		if s.text() != want {
			t.Errorf("after %q the screen is\n%s\nwant\n%s", failure, s.text(), want)
		}
	}
}
