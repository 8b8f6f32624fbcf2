package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// screen is what a terminal shows after the board's writes: it knows no more of ECMA-48 than the board uses.
func screen(t *testing.T, written string) []string {
	t.Helper()
	var lines []string
	for written != "" {
		if rest, ok := strings.CutPrefix(written, "\x1b["); ok {
			var up int
			if _, err := fmt.Sscanf(rest, "%dF", &up); err != nil || up > len(lines) {
				t.Fatalf("a jump of %d lines up from line %d in %q", up, len(lines), rest)
			}
			lines = lines[:len(lines)-up]
			_, written, _ = strings.Cut(rest, "\x1b[J")
			continue
		}
		line, rest, whole := strings.Cut(written, "\n")
		if !whole || strings.ContainsRune(line, '\x1b') {
			t.Fatalf("no whole line: %q", line)
		}
		lines, written = append(lines, line), rest
	}
	return lines
}

func TestBoardOnATerminal(t *testing.T) {
	var out bytes.Buffer
	b := newBoard(&out, "tty", []string{"one", "two", strings.Repeat("long", 30)})
	for i := range 3 {
		b.set(i, "opening")
	}
	b.set(0, "observe")
	b.end(1, "failed: it is not there", false)
	b.mu.Lock()
	b.draw()
	shown := screen(t, out.String())
	b.mu.Unlock()
	if len(shown) != 4 || shown[1] != "slim: 1 of 3 images finished, 1 failed" || !strings.Contains(shown[2], "observe") ||
		len(shown[3]) > 80 {
		t.Errorf("shown %q, want the end of two, the numbers and two images at work, each in 80 columns", shown)
	}
	b.end(0, "done, 2 B -> 1 B", true)
	b.end(2, "done", true)
	b.close()
	want := []string{"slim: two: failed: it is not there", "slim: one: done, 2 B -> 1 B", "slim: " + strings.Repeat("long", 30) + ": done"}
	if diff := cmp.Diff(want, screen(t, out.String())); diff != "" {
		t.Errorf("left on the screen: -want +got\n%s", diff)
	}
}

func TestBoardElsewhere(t *testing.T) {
	for mode, want := range map[string]string{
		"auto":  "slim: [1/2] one: opening\nslim: [1/2] one: observe\nslim: [2/2] two: opening\nslim: [1/2] one: done\n",
		"quiet": "",
		"rawjson": `{"ended":0,"failed":0,"image":"one","images":2,"state":"opening"}
{"ended":0,"failed":0,"image":"one","images":2,"state":"observe"}
{"ended":0,"failed":0,"image":"two","images":2,"state":"opening"}
{"ended":1,"failed":0,"image":"one","images":2,"state":"done"}
`,
	} {
		var out bytes.Buffer
		b := newBoard(&out, mode, []string{"one", "two"})
		b.set(0, "opening")
		b.set(0, "observe")
		b.set(0, "observe")
		b.set(1, "opening")
		b.end(0, "done", true)
		b.close()
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s: -want +got\n%s", mode, diff)
		}
	}
}
