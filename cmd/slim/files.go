package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/slimimage/slim/builder/outfile"
)

// writeFile writes a file that gets its name when it is complete; "-" is stdout.
func (p *program) writeFile(name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(p.stdout)
	}
	return outfile.Write(name, func(w io.Writer) error {
		buffered := bufio.NewWriter(w)
		return errors.Join(write(buffered), buffered.Flush())
	})
}

// maxInputFile bounds a file that is read whole (evidence, reports, probes), in bytes.
const maxInputFile = 1 << 30

// readFile reads a whole file of bounded size; "-" is standard input.
func (p *program) readFile(name string) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInputFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > maxInputFile {
		return nil, fmt.Errorf("reading %s: it is larger than %d MB", name, maxInputFile>>20)
	}
	return data, nil
}

// nopCloser is a writer whose Close does nothing: stdout stays open.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// isTerminal reports whether a writer is a character device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
