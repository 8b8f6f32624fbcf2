// Package agent carries the static agent (cmd/slim-sensor) for each platform inside slim, and puts it where BuildKit can
// fetch it.
package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Name is the agent's file name in the directory that Dir returns.
const Name = "slim-sensor"

// ErrNotCarried is returned by Dir when this slim was built without the agent for an architecture.
var ErrNotCarried = errors.New("this slim carries no agent, as `go install` cannot build it; use a release, or `make build` in a clone")

// Carried reports whether this slim has an agent to put into a build: its own, or one that SLIM_AGENT names.
func Carried() bool {
	found, err := fs.Glob(carried, "bin/slim-sensor-*")
	return err == nil && len(found) > 0 || os.Getenv("SLIM_AGENT") != ""
}

// ImageDir is the directory of the frontend's image (cmd/slim-frontend) that holds only the agent for linux/arch.
func ImageDir(arch string) string { return "/agents/linux-" + arch }

// Dir returns a directory below cache that holds only the agent for linux/arch, executable. It is written once for each version of the
// agent, and compared with the carried one at each use. Its mtime is derived from its content, because BuildKit treats files of the same
// size and mtime as equal. SLIM_AGENT names a directory with agents named slim-sensor-linux-ARCH to use instead of the carried ones.
func Dir(cache, arch string) (string, error) {
	data, err := read(arch)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	dir := filepath.Join(cache, "agent", hex.EncodeToString(sum[:8]))
	name := filepath.Join(dir, Name)
	if intact(name, data) {
		return dir, nil
	}
	mtime := time.Unix(int64(binary.BigEndian.Uint32(sum[:4])), 0)
	if err := write(dir, name, data, mtime); err != nil {
		return "", fmt.Errorf("unpacking the agent: %w", err)
	}
	return dir, nil
}

// intact reports whether a file is the agent, and executable.
func intact(name string, data []byte) bool {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || !executable(info) || info.Size() != int64(len(data)) {
		return false
	}
	found, err := os.ReadFile(name)
	return err == nil && bytes.Equal(found, data)
}

// executable reports whether a file has the mode of a program. Windows has no such modes: there BuildKit's client makes every file one
// (fsutil, stat_windows.go).
func executable(info fs.FileInfo) bool {
	return runtime.GOOS == "windows" || info.Mode().Perm() == 0o755
}

func read(arch string) ([]byte, error) {
	file := "slim-sensor-linux-" + arch
	if dir := os.Getenv("SLIM_AGENT"); dir != "" {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("reading the agent of SLIM_AGENT: %w", err)
		}
		return data, nil
	}
	data, err := carried.ReadFile("bin/" + file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("linux/%s: %w", arch, ErrNotCarried)
	}
	return data, err
}

func write(dir, name string, data []byte, mtime time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(dir), "part-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(data)
	if err := errors.Join(err, part.Chmod(0o755), part.Close()); err != nil {
		return err
	}
	if err := os.Chtimes(part.Name(), mtime, mtime); err != nil {
		return err
	}
	return os.Rename(part.Name(), name)
}
