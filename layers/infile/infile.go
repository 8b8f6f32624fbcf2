// Package infile reads files that others than the operator can write: those of a repository, and those that a container left in a
// directory. Such a file must be a regular one, is opened without waiting for anybody, and cannot be a link out of its directory.
package infile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// Read reads a whole file of at most limit bytes. It opens the file as Open does.
func Read(name string, limit int64, trees ...string) ([]byte, error) {
	f, err := Open(name, trees...)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name, limit)
}

// ReadIn reads a whole file of at most limit bytes below root. It opens the file as OpenIn does.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := OpenIn(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, filepath.Join(root.Name(), name), limit)
}

// Open opens a regular file that the operator named. If the name is below a directory that others fill (Tree), no link on the way may
// lead out of it. A descriptor that the caller opened, such as /dev/stdin or /dev/fd/63, may be a pipe.
func Open(name string, trees ...string) (*os.File, error) {
	tree, rel := Tree(name, trees...)
	if tree == "" || inherited.MatchString(filepath.Clean(name)) {
		return OpenRegular(name)
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openIn(root, rel, name)
}

// OpenRegular opens a regular file, or a descriptor that the caller opened, wherever links lead. It is for files whose content is never
// shown, such as archives of images.
func OpenRegular(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil || inherited.MatchString(filepath.Clean(name)) {
		return f, err
	}
	return regular(f, name)
}

// OpenIn opens a regular file below root. No link on the way may lead out of it.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return openIn(root, name, filepath.Join(root.Name(), name))
}

// openIn is OpenIn with the name for errors.
func openIn(root *os.Root, rel, name string) (*os.File, error) {
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, opening(err, name, root.Name())
	}
	return regular(f, name)
}

// inherited matches the names of a process's own descriptors.
var inherited = regexp.MustCompile(`^/dev/stdin$|^/dev/fd/[0-9]+$|^/proc/self/fd/[0-9]+$`)

// escapes is the text of the error of an os.Root for a path that leaves it; package os does not export the error.
const escapes = "path escapes from parent"

// opening is the error of an open in a tree, with the whole name.
func opening(err error, name, tree string) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) {
		return err
	}
	if failed.Err.Error() == escapes {
		return fmt.Errorf("%s leads out of %s", name, tree)
	}
	return &fs.PathError{Op: "open", Path: name, Err: failed.Err}
}

// regular closes what is not a regular file, and returns the error.
func regular(f *os.File, name string) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is %s, not a regular file", name, kind(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// readAll reads f, whose size may change meanwhile.
func readAll(f *os.File, name string, limit int64) ([]byte, error) {
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", name, info.Size(), limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, nil
}

// Tree returns the innermost directory that contains a name and that others than the operator may have filled, with the rest of the name:
// one of trees, the working directory, or a Git work tree. It returns "" if there is none. Only the name counts, not where links lead.
func Tree(name string, trees ...string) (tree, rel string) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", ""
	}
	if dir, err := os.Getwd(); err == nil {
		trees = append([]string{dir}, trees...)
	}
	for _, dir := range append(trees, workTree(name)) {
		dir, err := filepath.Abs(dir)
		if err != nil || isTop(dir) || len(dir) <= len(tree) {
			continue
		}
		if below, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(below) {
			tree, rel = dir, below
		}
	}
	return tree, rel
}

// workTree is the nearest directory above a name that has a .git (a file in a linked work tree, gitrepository-layout(5)), the top without
// one.
func workTree(name string) string {
	dir := filepath.Dir(name)
	for ; !isTop(dir); dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			break
		}
	}
	return dir
}

// isTop reports whether a directory is "/" or the root of a Windows volume.
func isTop(dir string) bool { return filepath.Dir(dir) == dir }

// Stays returns an error if a name is below a directory that others fill (Tree) and a link leads out of it. The name need not exist.
func Stays(name string, trees ...string) error {
	tree, rel := Tree(name, trees...)
	if tree == "" {
		return nil
	}
	root, err := filepath.EvalSymlinks(tree)
	if err != nil {
		return err
	}
	for rest := rel; ; rest = filepath.Dir(rest) {
		at, err := filepath.EvalSymlinks(filepath.Join(tree, rest))
		if errors.Is(err, fs.ErrNotExist) && rest != "." {
			if _, err := os.Lstat(filepath.Join(tree, rest)); err != nil {
				continue // it is made later, in a directory that counts
			}
		}
		if err != nil {
			return err
		}
		if below, err := filepath.Rel(root, at); err != nil || !filepath.IsLocal(below) {
			return fmt.Errorf("%s leads out of %s", name, tree)
		}
		return nil
	}
}
