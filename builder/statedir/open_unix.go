//go:build unix

package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxLinks bounds the links on the way, as the kernel does (path_resolution(7)).
const maxLinks = 40

// open is Open. volume accepts directories of root, or of this user, that everybody can write, on the way: the volumes of containers are
// such.
func open(dir string, volume bool) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	at, rest, links := "/", strings.Split(dir[1:], "/"), 0
	for len(rest) > 0 {
		if rest[0] == "" {
			rest = rest[1:]
			continue
		}
		if err := guarded(at, volume); err != nil {
			return "", err
		}
		name := filepath.Join(at, rest[0])
		info, err := lstatOrMake(name)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at, rest = name, rest[1:]
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many links", dir)
		}
		target, err := linkOf(name, info)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		target = filepath.Join(at, target)
		at, rest = "/", append(strings.Split(target[1:], "/"), rest[1:]...)
	}
	return at, own(at)
}

// lstatOrMake returns what is at a name, which it makes a directory if there is nothing.
func lstatOrMake(name string) (fs.FileInfo, error) {
	info, err := os.Lstat(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	if err := os.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.Lstat(name)
}

// linkOf reads a symbolic link of this user or root.
func linkOf(name string, info fs.FileInfo) (string, error) {
	if id := owner(info); !trusted(id) {
		return "", fmt.Errorf("%s is a link of user %d", name, id)
	}
	return os.Readlink(name)
}

// guarded returns an error if another user than root can rename or replace what is in a directory.
func guarded(dir string, volume bool) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if id := owner(info); !trusted(id) {
		return fmt.Errorf("%s belongs to user %d, who could put another directory in its place", dir, id)
	}
	writable := info.Mode()&0o002 != 0 || info.Mode()&0o020 != 0 && !ownGroup(info)
	if writable && info.Mode()&fs.ModeSticky == 0 && !volume { // in a sticky one nobody renames what another user owns
		return fmt.Errorf("%s can be written by other users", dir)
	}
	return nil
}

// own closes a directory to other users. It is an error if it is not this user's.
func own(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if id := owner(info); id != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to user %d", dir, id, os.Geteuid())
	}
	if info.Mode().Perm() != 0o700 {
		return os.Chmod(dir, 0o700)
	}
	return nil
}

// nobody is the owner of what has no number in a user namespace (user_namespaces(7), overflowuid). RunInUserns checks the directory
// before it makes one, where all owners are known.
const nobody = 65534

// trusted reports whether a user may decide where this user's files are.
func trusted(id int) bool { return id == 0 || id == os.Geteuid() || id == nobody && inUserns() }

// inUserns reports whether this process is in a user namespace with its own numbers.
func inUserns() bool {
	data, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !slices.Equal(strings.Fields(string(data)), []string{"0", "0", "4294967295"})
}

// ownGroup reports whether a directory's group is root's, or the private one that many systems give each user under the user's number.
func ownGroup(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Gid == 0 || stat.Gid == stat.Uid)
}

func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}
