package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	bkclient "github.com/moby/buildkit/client"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder"
)

// board shows the progress of many builds. On a terminal it redraws a few lines, one for each running build; elsewhere it prints a line for
// each new state of an image; as rawjson it prints the same as JSON; quiet prints nothing.
type board struct {
	mu      sync.Mutex
	w       io.Writer
	size    func() (columns, rows int) // of the terminal
	mode    string                     // "tty", "plain", "rawjson" or "quiet"
	rows    []boardRow
	ended   int
	failed  int
	drawn   []string // lines on the terminal that the next drawing replaces
	stop    chan struct{}
	stopped sync.WaitGroup
}

type boardRow struct {
	name, state string
	doing       string // in that state
	active      bool
	since       time.Time
}

// redraw is the time between two drawings on a terminal.
const redraw = 200 * time.Millisecond

func newBoard(w io.Writer, mode string, names []string) *board {
	screen, err := openTerminal(w)
	if mode == "auto" || mode == "" {
		mode = "plain"
		if err == nil && !dumbTerminal() {
			mode = "tty"
		}
	}
	b := &board{w: w, mode: mode, stop: make(chan struct{}), size: func() (int, int) { return 80, 24 }}
	if err == nil {
		b.size = screen.size
	}
	for _, name := range names {
		b.rows = append(b.rows, boardRow{name: printable.Text(name)})
	}
	if mode == "tty" {
		b.stopped.Go(func() {
			animate(b.stop, func(time.Time) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.draw()
			})
		})
	}
	return b
}

// set changes the state of a running build.
func (b *board) set(i int, state string) {
	state = printable.Text(state)
	b.mu.Lock()
	defer b.mu.Unlock()
	row := &b.rows[i]
	if row.active && row.state == state {
		return
	}
	if !row.active {
		row.since = time.Now()
	}
	row.active, row.state, row.doing = true, state, ""
	b.printState(i, state)
}

// end removes a build from the board and prints its final state.
func (b *board) end(i int, state string, ok bool) {
	state = printable.Text(state)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[i].active, b.rows[i].state = false, state
	b.ended++
	if !ok {
		b.failed++
	}
	if b.mode == "tty" {
		b.wipe()
		fmt.Fprintf(b.w, "slim: %s: %s\n", b.rows[i].name, state)
		b.draw()
		return
	}
	b.printState(i, state)
}

// printState prints the state of an image where there is no terminal to redraw.
func (b *board) printState(i int, state string) {
	switch b.mode {
	case "plain":
		fmt.Fprintf(b.w, "slim: [%d/%d] %s: %s\n", i+1, len(b.rows), b.rows[i].name, state)
	case "rawjson":
		line, err := json.Marshal(map[string]any{"image": b.rows[i].name, "state": state, "ended": b.ended, "failed": b.failed,
			"images": len(b.rows)})
		if err == nil {
			fmt.Fprintf(b.w, "%s\n", line)
		}
	}
}

// wipe clears the last drawing: cursor up, then erase below (ECMA-48 CPL and ED).
func (b *board) wipe() {
	width, _ := b.size()
	if n := rows(b.drawn, width); n > 0 {
		fmt.Fprintf(b.w, "\x1b[%dF\x1b[J", n)
		b.drawn = nil
	}
}

// draw draws a line with the counts and one for each running build.
func (b *board) draw() {
	width, height := b.size()
	var text strings.Builder
	failed := ""
	if b.failed > 0 {
		failed = fmt.Sprintf(", %d failed", b.failed)
	}
	lines := []string{fmt.Sprintf("slim: %d of %d images finished%s", b.ended, len(b.rows), failed)}
	for _, row := range b.rows {
		if !row.active {
			continue
		}
		if len(lines) == max(1, height-1) {
			lines[len(lines)-1] = "  ..."
			break
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %-30s %4.0fs  %-8s %s", row.name, time.Since(row.since).Seconds(), row.state,
			row.doing), " "))
	}
	for i, line := range lines {
		lines[i] = clip(line, width-1)
		text.WriteString(lines[i] + "\n")
	}
	b.wipe()
	io.WriteString(b.w, text.String())
	b.drawn = lines
}

// follow shows on the board what a build does. The caller closes the display when the build has ended.
func (b *board) follow(ctx context.Context, i int) *progress {
	return &progress{view: boardView{b, i, newBuildModel()}, ended: make(chan struct{}), work: ctx}
}

// boardView is the part of a board for one build.
type boardView struct {
	board *board
	row   int
	model *buildModel
}

func (v boardView) event(e *bkclient.SolveStatus, now time.Time) {
	for _, c := range v.model.apply(e, now) {
		if c.kind == stageBegan && c.stage.name == builder.StageImport { // the title is the name of the image
			c.text = string(c.stage.name)
		}
		if c.kind == stageBegan {
			v.board.set(v.row, c.text)
		}
	}
	for _, stage := range v.model.shown() {
		if stage.open > 0 {
			v.board.does(v.row, strings.TrimPrefix(strings.TrimPrefix(stage.now(), stage.title), ": "))
		}
	}
}

func (boardView) note(string)    {}
func (boardView) tick(time.Time) {}
func (boardView) end(time.Time)  {}

// does says more about the state of a running build, on a terminal.
func (b *board) does(i int, doing string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[i].doing = doing
}

// close stops drawing and clears the board.
func (b *board) close() {
	close(b.stop)
	b.stopped.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
}
