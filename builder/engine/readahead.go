package engine

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

const (
	aheadChunk  = 256 << 10 // bytes
	aheadChunks = 16        // that wait to be read
)

// readAhead reads a stream on one processor and hashes it on another, while its user does something with it: a decompressed layer, for
// example, that is unpacked.
type readAhead struct {
	chunks chan []byte
	rest   []byte
	work   *errgroup.Group
	cancel context.CancelFunc
	sum    digest.Digester
	size   int64
}

func newReadAhead(ctx context.Context, from io.Reader) *readAhead {
	ctx, cancel := context.WithCancel(ctx)
	work, ctx := errgroup.WithContext(ctx)
	r := &readAhead{chunks: make(chan []byte, aheadChunks), work: work, cancel: cancel, sum: digest.Canonical.Digester()}
	hashing := make(chan []byte, aheadChunks)
	work.Go(func() error {
		defer close(hashing)
		defer close(r.chunks)
		for {
			chunk := make([]byte, aheadChunk)
			n, err := fill(from, chunk)
			for _, to := range []chan<- []byte{hashing, r.chunks} {
				select {
				case to <- chunk[:n]:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	work.Go(func() error {
		for chunk := range hashing {
			r.sum.Hash().Write(chunk) // never fails (hash.Hash)
			r.size += int64(len(chunk))
		}
		return nil
	})
	return r
}

// fill reads until a chunk is full. Its error is that of the stream: io.ReadFull makes io.ErrUnexpectedEOF of the end, which a damaged
// stream has too.
func fill(from io.Reader, chunk []byte) (n int, err error) {
	for n < len(chunk) && err == nil {
		var more int
		more, err = from.Read(chunk[n:])
		n += more
	}
	return n, err
}

// Read implements io.Reader.
func (r *readAhead) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		chunk, ok := <-r.chunks
		if !ok {
			if err := r.work.Wait(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		r.rest = chunk
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// finish reads the rest of the stream and returns the digest and the size of all of it.
func (r *readAhead) finish() (digest.Digest, int64, error) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return "", 0, err
	}
	return r.sum.Digest(), r.size, nil
}

// Close ends the reading, and waits until nothing reads the stream any more.
func (r *readAhead) Close() {
	r.cancel()
	_ = r.work.Wait() // its error was that of Read
}
