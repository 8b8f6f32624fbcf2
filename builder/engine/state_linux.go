//go:build !frontend

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/builder/statedir"
)

type registryHost = docker.RegistryHost

// lockWait is how long a second slim waits for the state directory before it uses a private one.
const lockWait = 10 * time.Second

// state is a locked state directory.
type state struct {
	dir     string
	lock    *flock.Flock
	private bool
}

// openState locks the state directory; its databases allow one process at a time, and a second one would block forever.
func openState(ctx context.Context, opt *Options) (*state, error) {
	root, err := stateRoot(opt.Root)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	lock := flock.New(filepath.Join(root, "lock"))
	ok, err := lock.TryLock()
	if err == nil && !ok {
		opt.notice("another slim is running: waiting up to %d s for its cache", int(lockWait.Seconds()))
		wait, cancel := context.WithTimeout(ctx, lockWait)
		ok, err = lock.TryLockContext(wait, 100*time.Millisecond)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", root, err)
	}
	if !ok {
		return privateState(opt, filepath.Dir(root))
	}
	sweepPrivate(filepath.Dir(root))
	s := &state{dir: root, lock: lock}
	return s, s.checkVersion(opt)
}

func privateState(opt *Options, parent string) (*state, error) {
	dir, err := os.MkdirTemp(parent, privatePrefix)
	if err != nil {
		return nil, fmt.Errorf("private state directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if err := lock.Lock(); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), os.RemoveAll(dir))
	}
	opt.notice("it is still running: using a private cache, which is removed afterwards")
	return &state{dir: dir, lock: lock, private: true}, nil
}

// privatePrefix begins the names of private state directories.
const privatePrefix = "private-"

// sweepPrivate removes the private state directories of processes that were killed.
func sweepPrivate(parent string) {
	left, err := filepath.Glob(filepath.Join(parent, privatePrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		info, err := os.Lstat(filepath.Join(dir, "lock"))
		if err != nil { // one that is just being made, or of an older slim
			if info, err = os.Lstat(dir); err != nil || time.Since(info.ModTime()) < 24*time.Hour {
				continue
			}
		}
		lock := flock.New(filepath.Join(dir, "lock"))
		if ok, err := lock.TryLock(); ok && err == nil {
			_ = removeAll(dir) // the next process tries again
			_ = lock.Unlock()
		}
	}
}

// checkVersion discards the state of another BuildKit version, whose databases may have another meaning.
func (s *state) checkVersion(opt *Options) error {
	name := filepath.Join(s.dir, "version")
	now := moduleVersion("github.com/moby/buildkit")
	before, err := os.ReadFile(name)
	if err == nil && string(before) == now {
		return nil
	}
	if err == nil {
		opt.notice("the cache was written by BuildKit %s, this is %s: starting with an empty cache", before, now)
		if err := emptyDir(s.dir); err != nil {
			return err
		}
	}
	return os.WriteFile(name, []byte(now), 0o600)
}

func (s *state) close() error {
	if s.private {
		return errors.Join(removeAll(s.dir), s.lock.Unlock())
	}
	return s.lock.Unlock()
}

// removeAll removes a state directory. A snapshot may hold directories that not even their owner can write.
func removeAll(dir string) error {
	unmountBelow(dir)
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// unmountBelow detaches mounts that a killed slim left behind.
func unmountBelow(dir string) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return
	}
	lines := strings.Split(string(data), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		// The fifth field of a line is the mount point (proc_pid_mountinfo(5)).
		if fields := strings.Fields(lines[i]); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			_ = unix.Unmount(fields[4], unix.MNT_DETACH)
		}
	}
}

// emptyDir removes everything in a state directory but its lock.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == "lock" {
			continue
		}
		if err := removeAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("emptying %s: %w", dir, err)
		}
	}
	return nil
}

// moduleVersion is the version of a module that this program is built with.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}

// Prune removes slim's caches on this machine (the embedded engine's state, imported images, the agents) while it holds the lock, and
// returns the number of bytes freed.
func Prune(ctx context.Context, opt Options) (int64, error) {
	s, err := openState(ctx, &opt)
	if err != nil {
		return 0, err
	}
	if s.private {
		_ = s.close()
		return 0, errRunning
	}
	freed, err := pruneImages(filepath.Dir(s.dir))
	if err == nil {
		freed += size(s.dir)
		err = emptyDir(s.dir)
	}
	return freed, errors.Join(err, s.close())
}

// stateRoot makes and checks the state directory.
func stateRoot(root string) (string, error) {
	if root == "" {
		cache, err := statedir.Dir()
		if err != nil {
			return "", err
		}
		root = filepath.Join(cache, "buildkit")
	}
	return statedir.Open(root)
}
