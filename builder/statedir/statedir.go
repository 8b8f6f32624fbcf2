// Package statedir finds and guards the directory in which slim keeps its caches: BuildKit's state, imported images and the agent, which
// it runs as root. Nobody else may read or replace them.
package statedir

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// EnvVar names the directory.
const EnvVar = "SLIM_CACHE"

// Dir makes and checks slim's directory, and returns its name without links: SLIM_CACHE, else "slim" in the user's cache directory, which
// follows from the environment or else from /etc/passwd. There is no other place: a directory that everybody can write is never used.
func Dir() (string, error) {
	if dir := os.Getenv(EnvVar); dir != "" {
		dir, err := open(dir, true)
		if err != nil {
			return "", fmt.Errorf("%s: %w", EnvVar, err)
		}
		return dir, nil
	}
	dir, err := first(places())
	if err != nil {
		return "", fmt.Errorf("there is no directory for slim's cache (set %s to one of your own): %w", EnvVar, err)
	}
	return dir, nil
}

// places are the user's cache directories: that of the environment, then that of /etc/passwd.
func places() []string {
	var list []string
	if base, err := os.UserCacheDir(); err == nil {
		list = append(list, base)
	}
	if me, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil && filepath.IsAbs(me.HomeDir) {
		list = append(list, filepath.Join(me.HomeDir, ".cache"))
	}
	return slices.Compact(list)
}

// first makes slim's directory in the first of places that is safe.
func first(places []string) (string, error) {
	err := errors.New("the user has no home directory")
	for i, place := range places {
		dir, failed := Open(filepath.Join(place, "slim"))
		switch {
		case failed == nil:
			return dir, nil
		case i == 0:
			err = failed
		default:
			err = errors.Join(err, failed)
		}
	}
	return "", err
}

// Open makes a directory if need be and checks that it is this user's, closed to others, and that no other user but root can put
// another one in its place. It returns the name without links.
func Open(dir string) (string, error) { return open(dir, false) }
