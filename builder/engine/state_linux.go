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
	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/builder/statedir"
)

type registryHost = docker.RegistryHost

// lockWait is how long slim waits for the state directory while one with other settings uses it.
var lockWait = 10 * time.Second

// state is a locked state directory. Its databases allow one process at a time, and a second one would block forever.
type state struct {
	dir     string
	lock    *os.File // flock(2): of all who have the file open, which is how the engine's process gets it
	private bool
}

// tryState locks a state directory; it returns nil if another process has it.
func tryState(dir string) (*state, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, lock.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), lock.Close())
	}
	return &state{dir: dir, lock: lock}, nil
}

// openState waits for the lock of a state directory; it returns nil if another process keeps it.
func openState(ctx context.Context, root string) (*state, error) {
	for deadline := time.Now().Add(lockWait); ; {
		s, err := tryState(root)
		if s != nil || err != nil || time.Now().After(deadline) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pollTime):
		}
	}
}

func privateState(opt *Options, parent string) (*state, error) {
	dir, err := os.MkdirTemp(parent, privatePrefix)
	if err != nil {
		return nil, fmt.Errorf("private state directory: %w", err)
	}
	s, err := tryState(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if s == nil {
		return nil, fmt.Errorf("%s is locked", dir)
	}
	s.private = true
	opt.notice("it is still running: using a private cache, which is removed afterwards")
	return s, nil
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
		info, err := os.Lstat(filepath.Join(dir, lockFile))
		if err != nil { // one that is just being made, or of an older slim
			if info, err = os.Lstat(dir); err != nil || time.Since(info.ModTime()) < 24*time.Hour {
				continue
			}
		}
		if s, err := tryState(dir); s != nil && err == nil {
			endLeft(dir)
			_ = removeAll(dir) // the next process tries again
			_ = s.close()
		}
	}
}

// check discards a state that cannot be used.
func (s *state) check(opt *Options) error {
	if err := s.checkBoot(opt, bootID()); err != nil {
		return err
	}
	return s.checkVersion(opt)
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
		return errors.Join(removeAll(s.dir), s.lock.Close())
	}
	return s.lock.Close()
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

// emptyDir removes everything in a state directory but its locks.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == lockFile || entry.Name() == usersFile {
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
	root, err := stateRoot(opt.Root)
	if err != nil {
		return 0, fmt.Errorf("state directory: %w", err)
	}
	s, err := openState(ctx, root)
	if err != nil {
		return 0, err
	}
	if s == nil {
		return 0, errRunning
	}
	endLeft(root)
	sweepPrivate(filepath.Dir(root))
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
