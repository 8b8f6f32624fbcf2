// Package outfile writes files that get their name when they are complete, so that no reader and no interrupted run sees half of one.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slimimage/slim/layers/infile"
)

// File is an output file. Close gives it its name, Discard removes it.
type File struct {
	*os.File
	name string // empty if the file is written in place
}

// Create creates a temporary file in the directory of the named file. A device or a pipe such as /dev/null, which a rename would
// replace, is opened and written in place, unless it is in a directory that others fill (infile.Tree): there nothing leads out, and
// nothing waits for a reader.
func Create(name string) (*File, error) {
	if err := infile.Stays(name); err != nil {
		return nil, fmt.Errorf("writing: %w", err)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		if tree, _ := infile.Tree(name); tree != "" {
			return nil, fmt.Errorf("writing %s: it is not a regular file", name)
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		return &File{File: f}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".part-")
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", name, err)
	}
	return &File{f, name}, nil
}

// Close gives the file its name and mode 0600: images, evidence and reports hold what the application holds. If that fails, it removes the
// file.
func (f *File) Close() error {
	if f.name == "" {
		return f.File.Close()
	}
	err := errors.Join(f.Chmod(0o600), f.File.Close())
	if err == nil {
		err = os.Rename(f.File.Name(), f.name)
	}
	if err != nil {
		os.Remove(f.File.Name())
		return fmt.Errorf("writing %s: %w", f.name, err)
	}
	return nil
}

// Discard closes the file without giving it its name.
func (f *File) Discard() error {
	err := f.File.Close()
	if f.name == "" {
		return err
	}
	return errors.Join(err, os.Remove(f.File.Name()))
}

// Write writes a whole file with the given function.
func Write(name string, write func(io.Writer) error) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return fmt.Errorf("writing %s: %w", name, errors.Join(err, f.Discard()))
	}
	return f.Close()
}
