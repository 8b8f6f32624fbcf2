//go:build !linux && !frontend

package engine

import (
	"context"
	"errors"
	"os"
	"runtime"

	"github.com/slimimage/slim/builder/statedir"
)

// errNoEmbedded is the error of the clients for other systems: BuildKit runs containers, and so needs Linux.
var errNoEmbedded = errors.New("slim for " + runtime.GOOS + " has no embedded BuildKit, which needs Linux: start Docker, or name a " +
	"buildkitd with --engine ADDRESS or BUILDKIT_HOST (docker-container://NAME, kube-pod://NAME, ssh://USER@HOST, tcp://HOST:PORT)")

func embedded(context.Context, Options) (*Engine, error) { return nil, errNoEmbedded }

// NeedsUserns is false: only the embedded engine needs a user namespace.
func NeedsUserns(string, bool) bool { return false }

// RunInUserns is an error, as NeedsUserns is false.
func RunInUserns(context.Context, []string) (int, error) { return 1, errNoEmbedded }

// ServeHelper is false: there is no embedded engine.
func ServeHelper([]string) (code int, is bool) { return 0, false }

// EnterUserns does nothing: RunInUserns starts no process here.
func EnterUserns() error { return nil }

// Prune removes the imported images and the agents from slim's cache on this machine, and returns the number of bytes freed.
func Prune(context.Context, Options) (int64, error) {
	cache, err := statedir.Dir()
	if err != nil {
		return 0, err
	}
	return pruneImages(cache)
}

func removeAll(dir string) error { return os.RemoveAll(dir) }
