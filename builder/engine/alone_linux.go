package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/builder/statedir"
)

// runsFile is the file in slim's directory whose bytes are locked: each stands for one piece of work.
const runsFile = "runs.lock"

// Alone waits until no other build of this user on this machine does the same work, and keeps others from doing it until release is called
// or the process ends. Without a directory of slim it does not wait: a run that BuildKit gives to several builds at once is repeated.
func Alone(ctx context.Context, work []byte) (release func(), err error) {
	dir, err := statedir.Dir()
	if err != nil {
		return func() {}, nil
	}
	file, err := os.OpenFile(filepath.Join(dir, runsFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking a run: %w", err)
	}
	sum := sha256.Sum256(work)
	// A lock of an open file description also works between builds of one process (fcntl(2)).
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: unix.SEEK_SET, Start: int64(binary.BigEndian.Uint64(sum[:]) >> 2), Len: 1}
	for {
		err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES) {
			return nil, errors.Join(fmt.Errorf("locking a run: %w", err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), file.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
