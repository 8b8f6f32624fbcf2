package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/containerd/console"
	"golang.org/x/text/width"
)

// terminal is a terminal that lines are written to.
type terminal struct {
	io.Writer
	size   func() (columns, rows int)
	colour bool
}

// openTerminal is the terminal behind a writer, an error if there is none.
func openTerminal(w io.Writer) (*terminal, error) {
	f, ok := w.(console.File)
	if !ok {
		return nil, errors.New("it is not a file")
	}
	c, err := console.ConsoleFromFile(f)
	if err != nil {
		return nil, err
	}
	size := func() (int, int) {
		if s, err := c.Size(); err == nil && s.Width > 0 && s.Height > 0 {
			return int(s.Width), int(s.Height)
		}
		return 80, 24
	}
	_, plain := os.LookupEnv("NO_COLOR") // https://no-color.org
	return &terminal{Writer: w, size: size, colour: !plain || os.Getenv("NO_COLOR") == ""}, nil
}

// dumbTerminal reports whether the terminal cannot move its cursor (term(7)).
func dumbTerminal() bool { return os.Getenv("TERM") == "dumb" }

// columns is the number of columns that a character takes at most.
func columns(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
		return 2
	}
	return 1
}

// textWidth is the number of columns that a line takes at most.
func textWidth(line string) (n int) {
	for _, r := range line {
		n += columns(r)
	}
	return n
}

// clip is the beginning of a line that fits into a number of columns, with an ellipsis where that is not all.
func clip(line string, limit int) string {
	if len(line) <= limit && strings.IndexFunc(line, func(r rune) bool { return r >= 0x80 }) < 0 || textWidth(line) <= limit {
		return line
	}
	n := 0
	for i, r := range line {
		if n += columns(r); n > limit-3 {
			return line[:i] + "..."[:min(3, max(0, limit-n+columns(r)))]
		}
	}
	return line
}
