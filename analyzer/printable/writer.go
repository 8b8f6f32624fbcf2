package printable

import (
	"bytes"
	"io"
	"regexp"
	"strings"
)

// colour is a sequence of ECMA-48 (8.3.117, SGR) that changes how text looks and does nothing else.
var colour = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// Output is Text of a line of a program's output: colours are left out, and a tab is four spaces.
func Output(line string) string {
	return Text(strings.ReplaceAll(colour.ReplaceAllString(line, ""), "\t", "    "))
}

// maxLine bounds a line that Writer holds, in bytes.
const maxLine = 64 << 10

// Writer writes the output of a foreign program, each line as Output makes it; a carriage return ends a line, too. A line is written when
// it ends. Close writes the rest.
type Writer struct {
	to       io.Writer
	line     []byte // what was written since the last line ended
	returned bool   // the last byte was a carriage return
}

// NewWriter returns a Writer to another.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write takes all of p; errors are those of the other writer.
func (w *Writer) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if w.returned && p[0] == '\n' { // of "\r\n", whose line is written
			w.returned, p = false, p[1:]
			continue
		}
		w.returned = false
		n := bytes.IndexAny(p, "\r\n")
		ended := n >= 0
		if !ended {
			n = len(p)
		}
		if room := maxLine - len(w.line); n > room {
			n, ended = room, false
		}
		w.line = append(w.line, p[:n]...)
		p = p[n:]
		if ended {
			w.returned, p = p[0] == '\r', p[1:]
		}
		if ended || len(w.line) == maxLine {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

// Close writes a line that has not ended.
func (w *Writer) Close() error {
	if len(w.line) == 0 {
		return nil
	}
	return w.flush()
}

func (w *Writer) flush() error {
	_, err := io.WriteString(w.to, Output(string(w.line))+"\n")
	w.line = w.line[:0]
	return err
}
