package main

import (
	"strings"
	"testing"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// TestAttackProgress has names, errors and output of steps that would be commands to a CI system or move the cursor of a terminal.
func TestAttackProgress(t *testing.T) {
	const hostile = "x\n::error::forged\n\x1b[2J##vso[task.complete]\r::add-mask::x"
	step, now := digest.FromString("step"), time.Now()
	log := func(text string) *bkclient.VertexLog {
		return &bkclient.VertexLog{Vertex: step, Stream: 2, Data: []byte(text)}
	}
	c := newCleaner()
	var shown strings.Builder
	for _, event := range []*bkclient.SolveStatus{
		{Logs: []*bkclient.VertexLog{log("::er"), log("ror::forged\n" + hostile)}},
		{Statuses: []*bkclient.VertexStatus{{ID: hostile, Name: hostile}}},
		{Warnings: []*bkclient.VertexWarning{{Short: []byte(hostile), Detail: [][]byte{[]byte(hostile)}, URL: hostile}}},
		{Vertexes: []*bkclient.Vertex{{Digest: step, Name: hostile, Error: hostile, Completed: &now}}},
	} {
		safe := c.clean(event)
		for _, v := range safe.Vertexes {
			shown.WriteString(v.Name + "\n" + v.Error + "\n")
		}
		for _, s := range safe.Statuses {
			shown.WriteString(s.ID + "\n" + s.Name + "\n")
		}
		for _, w := range safe.Warnings {
			shown.WriteString(string(w.Short) + "\n" + string(w.Detail[0]) + "\n" + w.URL + "\n")
		}
		for _, l := range safe.Logs {
			shown.Write(l.Data)
		}
	}
	obeyed(t, shown.String())
	if !strings.Contains(shown.String(), `:\x3aadd-mask::x`) {
		t.Errorf("the last line, which has no end, is not shown:\n%s", shown.String())
	}
}

// obeyed reports what a CI system or a terminal would obey in a text.
func obeyed(t *testing.T, text string) {
	t.Helper()
	for _, bad := range []string{"\x1b", "\r", "\x07", "\u202e", "\u009b", "##vso[", "##["} {
		if before, _, found := strings.Cut(text, bad); found {
			t.Errorf("the text has %q after %q", bad, before[max(0, len(before)-100):])
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "::") {
			t.Errorf("a line is a command to GitHub: %q", line)
		}
	}
}
