package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeFile writes a temporary file and renames it when it is complete; "-" is stdout. A device or a pipe (/dev/null, say) is opened and
// written: a rename would replace it.
func (p *program) writeFile(name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(p.stdout)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		return errors.Join(write(f), f.Close())
	}
	part, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".part-")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			os.Remove(part.Name())
			err = fmt.Errorf("writing %s: %w", name, err)
		}
	}()
	buffered := bufio.NewWriter(part)
	if err := errors.Join(write(buffered), buffered.Flush(), part.Chmod(0o644), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}

// writeJSON writes a value as indented JSON with a final newline.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
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
