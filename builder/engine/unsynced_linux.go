//go:build !frontend

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/snapshots/storage"
	bolt "go.etcd.io/bbolt"
)

// bootFile names the boot of the machine in which BuildKit's databases were changed without being written to the disk. It is there while
// an engine runs, and after one that was killed.
const bootFile = "boot"

// unsynced are BuildKit's databases, which are written to the disk when the engine ends and not after each of the hundreds of transactions
// of a build. If the engine is killed, the kernel has all that was written. If the machine ends before the engine, the state is
// discarded (checkBoot): it is a cache.
type unsynced struct {
	dir   string
	boot  string                             // "" where the kernel does not tell: then everything is written at once
	views []func(func(*bolt.Tx) error) error // one for each database
}

// bootID is different after each start of the machine (proc_sys_kernel(5), random/boot_id); "" where it is not known.
func bootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(data))
}

// openUnsynced marks a state directory.
func openUnsynced(dir string) (*unsynced, error) {
	u := &unsynced{dir: dir, boot: bootID()}
	if u.boot == "" {
		return u, nil
	}
	mark, err := os.Create(filepath.Join(dir, bootFile))
	if err != nil {
		return nil, err
	}
	_, err = mark.WriteString(u.boot)
	parent, failed := os.Open(dir)
	if failed == nil {
		failed = errors.Join(parent.Sync(), parent.Close())
	}
	return u, errors.Join(err, mark.Sync(), mark.Close(), failed)
}

// add takes a database that is open.
func (u *unsynced) add(view func(func(*bolt.Tx) error) error) error {
	if u.boot == "" {
		return nil
	}
	u.views = append(u.views, view)
	return view(func(tx *bolt.Tx) error {
		tx.DB().NoSync = true
		return nil
	})
}

// snapshots is the database of a snapshotter.
func (u *unsynced) snapshots(root string) (*storage.MetaStore, error) {
	store, err := storage.NewMetaStore(filepath.Join(root, "metadata.db")) // its name in containerd (overlay.NewSnapshotter)
	if err != nil {
		return nil, err
	}
	return store, u.add(func(use func(*bolt.Tx) error) error {
		_, tx, err := store.TransactionContext(context.Background(), false)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		own, ok := tx.(*bolt.Tx)
		if !ok {
			return fmt.Errorf("a transaction of a snapshotter is a %T", tx)
		}
		return use(own)
	})
}

// settle writes the databases to the disk, which are still open but change no more, and takes the mark away.
func (u *unsynced) settle() error {
	for _, view := range u.views {
		if err := view(func(tx *bolt.Tx) error { return tx.DB().Sync() }); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(u.dir, bootFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// checkBoot discards a state whose engine ended with the machine.
func (s *state) checkBoot(opt *Options, now string) error {
	before, err := os.ReadFile(filepath.Join(s.dir, bootFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && string(before) == now {
		return nil
	}
	if err != nil {
		return err
	}
	opt.notice("the machine ended during a build: starting with an empty cache")
	return emptyDir(s.dir)
}
