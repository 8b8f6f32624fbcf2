package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/slimimage/slim/builder/outfile"
	"github.com/slimimage/slim/layers/infile"
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

// Bounds of a file that is read whole, in bytes.
const (
	maxInputFile = 1 << 30 // that slim wrote: evidence, reports
	maxUserFile  = 4 << 20 // that a user wrote: settings, probes, images
)

// readFile reads a whole file that slim wrote; "-" is standard input.
func (p *program) readFile(name string) ([]byte, error) { return p.readBounded(name, maxInputFile) }

// readEvidence reads a file that an agent may have written into a directory of the container that it is about: the container can put a link
// there, which is not followed out of the directory.
func (p *program) readEvidence(name string) ([]byte, error) {
	if name == "-" {
		return p.readFile(name)
	}
	return infile.Read(name, maxInputFile, slices.Concat(p.trees, []string{filepath.Dir(name)})...)
}

// readBounded reads a whole file of at most limit bytes; "-" is standard input. In the working directory, in a Git work tree and in the
// build context it follows no link that leads out of there: their files are the repository's, not the operator's.
func (p *program) readBounded(name string, limit int64) ([]byte, error) {
	if name != "-" {
		return infile.Read(name, limit, p.trees...)
	}
	data, err := io.ReadAll(io.LimitReader(p.stdin, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("standard input has more than %d bytes", limit)
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
