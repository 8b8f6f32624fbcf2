package layers

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

// maxRatio bounds the ratio by which a gzipped archive may grow, beyond its first GiB; deflate itself reaches 1032.
const maxRatio = 200

// capped returns an error after n bytes, unlike io.LimitReader, which returns EOF.
type capped struct {
	io.Reader
	left int64
}

var errTooLarge = errors.New("it is larger than slim reads")

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// withContext ends a stream when the context ends.
type withContext struct {
	ctx context.Context
	io.Reader
}

func (r withContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// unzipped returns the decompressed stream if it is gzipped, else the stream itself.
func unzipped(r io.Reader) (io.Reader, error) {
	counted := &counter{Reader: r}
	buffered := bufio.NewReaderSize(counted, 1<<20)
	if head, _ := buffered.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	return &inflated{z, counted, 0}, nil
}

// counter counts what was read.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// inflated stops a stream whose size exceeds the allowed compression ratio.
type inflated struct {
	io.Reader
	in  *counter
	out int64
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	if i.out += int64(n); i.out > 1<<30+maxRatio*i.in.n {
		return 0, fmt.Errorf("%w: %d bytes of gzip became more than %d", errTooLarge, i.in.n, i.out)
	}
	return n, err
}
